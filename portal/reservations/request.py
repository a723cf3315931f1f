"""What a customer asks for, checked as far as that is possible without looking at the calendar."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings

from portal.catalog.models import OSImage
from portal.core import clock
from portal.core.errors import FieldError, InvalidInput
from portal.core.periods import Period
from portal.fleet.models import Fabric, Region, ServerType
from portal.operations.models import USER_DATA_LIMIT_BYTES
from portal.reservations.models import NAME_PATTERN, Placement
from portal.tenancy.models import SSHKey

MAX_COUNT = 512
MAX_LENGTH = timedelta(days=366)
MAX_AHEAD = timedelta(days=366)
NOW_TOLERANCE = timedelta(minutes=2)
"""A start that lies this little in the past means now: forms and clocks are not quicker than that."""
MAX_CEILING = Decimal("99_999_999_999_999.99")
"""The largest price that can be kept."""
MAX_LABELS = 20
MAX_LABEL_VALUE = 100
LABEL_KEY = re.compile(r"^[a-z0-9]([-a-z0-9_./]{0,61}[a-z0-9])?$")


def min_length() -> timedelta:
    """Return the shortest period that can be reserved."""
    return timedelta(minutes=settings.METALYARD_MIN_RESERVATION_MINUTES)


@dataclass(frozen=True)
class ReservationRequest:
    """The wish: without ``starts_at`` it begins now."""

    name: str
    server_type: ServerType
    region: Region
    count: int
    ends_at: datetime
    image: OSImage
    ssh_keys: Sequence[SSHKey]
    starts_at: datetime | None = None
    placement: str = Placement.SAME_FABRIC
    user_data: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    fabric: Fabric | None = None

    @property
    def particulars(self) -> "Particulars":
        """What is not about capacity."""
        return Particulars(self.name, self.image, self.ssh_keys, self.user_data, self.labels)


@dataclass(frozen=True)
class Particulars:
    """What a reservation is called, and what its servers are prepared with."""

    name: str
    image: OSImage
    ssh_keys: Sequence[SSHKey]
    user_data: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class QuoteRequest:
    """The wish for a price: without ``starts_at`` it begins now."""

    server_type: ServerType
    region: Region
    count: int
    ends_at: datetime
    starts_at: datetime | None = None
    placement: str = Placement.SAME_FABRIC
    fabric: Fabric | None = None


@dataclass(frozen=True)
class WaitlistRequest:
    """A wish that is flexible in time: it begins from ``earliest`` to ``latest`` and costs ``ceiling`` at most."""

    server_type: ServerType
    region: Region
    count: int
    duration: timedelta
    earliest: datetime
    latest: datetime
    ceiling: Decimal | None = None
    placement: str = Placement.SAME_FABRIC


def check_period(starts_at: datetime | None, ends_at: datetime) -> Period:
    """Return the period that is meant. Raises InvalidInput on ``starts_at`` or ``ends_at``."""
    now = clock.now()
    asked = starts_at or now
    if now - asked > NOW_TOLERANCE:
        raise InvalidInput.of(
            "starts_at",
            "in_the_past",
            "The start lies in the past; leave it out to start now, or choose a later one.",
        )
    start = max(asked, now)
    if start - now > MAX_AHEAD:
        raise InvalidInput.of("starts_at", "too_far", f"A start can be at most {MAX_AHEAD.days} days ahead.")
    if ends_at <= start:
        raise InvalidInput.of("ends_at", "not_after_start", "The end must lie after the start.")
    # The length is judged as it was asked for: who asks for the shortest one from now on must not be too slow for it.
    if ends_at - asked < min_length():
        minutes = settings.METALYARD_MIN_RESERVATION_MINUTES
        raise InvalidInput.of("ends_at", "too_short", f"A reservation lasts at least {minutes} minutes.")
    if ends_at - start > MAX_LENGTH:
        raise InvalidInput.of("ends_at", "too_long", f"A reservation lasts at most {MAX_LENGTH.days} days.")
    return Period(start, ends_at)


def check_count(count: int) -> None:
    """Raise InvalidInput on ``count`` for an absurd number of servers."""
    if not 1 <= count <= MAX_COUNT:
        raise InvalidInput.of("count", "out_of_range", f"Ask for 1 to {MAX_COUNT} servers.")


def check_user_data(user_data: str) -> None:
    """Raise InvalidInput on ``user_data`` when it is too large or not text."""
    if not _is_text(user_data):
        raise InvalidInput.of(
            "user_data", "not_text", "User-data must be text without NUL characters and half surrogate pairs."
        )
    size = len(user_data.encode())
    if size > USER_DATA_LIMIT_BYTES:
        raise InvalidInput.of(
            "user_data", "too_large", f"User-data has {size} bytes; at most {USER_DATA_LIMIT_BYTES} are possible."
        )


def _is_text(value: object) -> bool:
    """Tell whether the database can keep ``value`` as text: no NUL, and everything has a form in UTF-8."""
    if not isinstance(value, str) or "\x00" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_labels(labels: Mapping[str, str]) -> None:
    """Raise InvalidInput on ``labels`` for too many, malformed keys or long values."""
    if len(labels) > MAX_LABELS:
        raise InvalidInput.of("labels", "too_many", f"At most {MAX_LABELS} labels are possible.")
    for key, value in labels.items():
        if not LABEL_KEY.fullmatch(key) or not _is_text(value) or len(value) > MAX_LABEL_VALUE:
            raise InvalidInput.of(
                "labels",
                "malformed",
                f"Label {key[:64]!r}: keys are lower-case words of up to 63 characters, values text of up to "
                f"{MAX_LABEL_VALUE} characters.",
            )


def check_name(name: str) -> None:
    """Raise InvalidInput on ``name`` when it cannot begin a host name."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise InvalidInput.of(
            "name",
            "invalid_name",
            "Use 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end: host names begin with it.",
        )


def _collected(attempts: Iterable[Callable[[], object]]) -> list[FieldError]:
    """Return what is wrong by any of the attempts."""
    errors: list[FieldError] = []
    for attempt in attempts:
        try:
            attempt()
        except InvalidInput as error:
            errors.extend(error.errors)
    return errors


def _refuse(errors: Sequence[FieldError]) -> None:
    if errors:
        raise InvalidInput(errors[0].detail if len(errors) == 1 else "Some fields need your attention.", errors=errors)


def _about_particulars(particulars: Particulars) -> tuple[Callable[[], object], ...]:
    return (
        lambda: check_name(particulars.name),
        lambda: check_user_data(particulars.user_data),
        lambda: check_labels(particulars.labels),
        lambda: _check_keys(particulars.ssh_keys),
    )


def _about_capacity(request: ReservationRequest | QuoteRequest) -> tuple[Callable[[], object], ...]:
    return (
        lambda: check_count(request.count),
        lambda: _check_placement(request.placement),
        lambda: _check_fabric(request.fabric, request.region),
        lambda: check_period(request.starts_at, request.ends_at),
    )


def check_particulars(particulars: Particulars) -> None:
    """Raise InvalidInput with every wrong field."""
    _refuse(_collected(_about_particulars(particulars)))


def check_setup(ssh_keys: Sequence[SSHKey] | None, user_data: str | None) -> None:
    """Check what a server is to be installed with; what is None is not asked for. Raises InvalidInput."""
    asked: list[Callable[[], object]] = []
    if ssh_keys is not None:
        asked.append(lambda: _check_keys(ssh_keys))
    if user_data is not None:
        asked.append(lambda: check_user_data(user_data))
    _refuse(_collected(asked))


def check_quote(request: QuoteRequest) -> Period:
    """Check everything that needs no calendar and return the period. Raises InvalidInput with every wrong field."""
    _refuse(_collected(_about_capacity(request)))
    return check_period(request.starts_at, request.ends_at)


def check(request: ReservationRequest) -> Period:
    """Check everything that needs no calendar and return the period. Raises InvalidInput with every wrong field."""
    _refuse(_collected([*_about_particulars(request.particulars), *_about_capacity(request)]))
    return check_period(request.starts_at, request.ends_at)


def check_waitlist(request: WaitlistRequest) -> Period:
    """Check a wish and return its first possible period. Raises InvalidInput with every wrong field."""
    _refuse(
        _collected(
            (
                lambda: check_count(request.count),
                lambda: _check_placement(request.placement),
                lambda: _check_duration(request.duration),
                lambda: _check_window(request.earliest, request.latest),
                lambda: _check_ceiling(request.ceiling),
            )
        )
    )
    start = max(request.earliest, clock.now())
    return Period(start, start + request.duration)


def _check_duration(duration: timedelta) -> None:
    if duration < min_length():
        minutes = settings.METALYARD_MIN_RESERVATION_MINUTES
        raise InvalidInput.of("duration", "too_short", f"A reservation lasts at least {minutes} minutes.")
    if duration > MAX_LENGTH:
        raise InvalidInput.of("duration", "too_long", f"A reservation lasts at most {MAX_LENGTH.days} days.")


def _check_window(earliest: datetime, latest: datetime) -> None:
    now = clock.now()
    if latest <= now:
        raise InvalidInput.of("latest", "in_the_past", "The latest start lies in the past; choose a later one.")
    if latest < earliest:
        raise InvalidInput.of("latest", "before_earliest", "The latest start must not lie before the earliest one.")
    if latest - now > MAX_AHEAD:
        raise InvalidInput.of("latest", "too_far", f"A start can be at most {MAX_AHEAD.days} days ahead.")


def _check_ceiling(ceiling: Decimal | None) -> None:
    if ceiling is None:
        return
    if not (ceiling.is_finite() and 0 < ceiling <= MAX_CEILING and ceiling == round(ceiling, 2)):
        raise InvalidInput.of("ceiling", "out_of_range", "Give an amount above 0 with at most two decimals.")


def _check_placement(placement: str) -> None:
    if placement not in Placement.values:
        raise InvalidInput.of("placement", "unknown", f"Choose one of: {', '.join(Placement.values)}.")


def _check_fabric(fabric: Fabric | None, region: Region) -> None:
    if fabric is not None and fabric.region_id != region.pk:
        raise InvalidInput.of("fabric", "unknown", f"There is no such fabric in {region.code}.")


def _check_keys(keys: Sequence[SSHKey]) -> None:
    if not keys:
        raise InvalidInput.of("ssh_keys", "required", "Give at least one SSH key; without one nobody could log in.")
