"""An earlier end for a reservation: what is called off costs what was agreed for that much notice."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Least

from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import InvalidInput
from portal.core.locks import lock_rows
from portal.core.money import Money
from portal.core.periods import Period
from portal.core.repeating import repeatable
from portal.fleet.models import Server
from portal.reservations.charges import cut
from portal.reservations.models import Allocation, Reservation
from portal.reservations.request import min_length
from portal.reservations.services.agreed import note_change, repriced, require_agreed
from portal.reservations.services.alter import RUNNING, USED, locked, require, require_state, used_servers, write
from portal.reservations.services.freed import wake_waiting_list
from portal.reservations.services.spans import with_end
from portal.reservations.states import ReservationState
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

SOONEST_END = timedelta(minutes=5)
"""What would end sooner than this is better released at once."""


@dataclass(frozen=True)
class Shortening:
    """What an earlier end does to the price: ``fee`` is part of ``total``, which is ``saved`` less than before."""

    fee: Money
    total: Money
    saved: Money


def look_at_shortening(scope: Scope, reservation: Reservation, ends_at: datetime) -> Shortening:
    """Return what an end at ``ends_at`` would do to the price, if it were asked for now.

    Raises NotFound, Forbidden, StateConflict, and InvalidInput on ``ends_at``.
    """
    require(scope, reservation, Verb.RELEASE)
    require_state(reservation, RUNNING)
    _check_end(reservation, ends_at)
    left = cut(reservation, ends_at, clock.now())
    return Shortening(left.fee, left.total, left.saved)


@repeatable
@transaction.atomic
def shorten(
    *, scope: Scope, actor: Actor, reservation: Reservation, ends_at: datetime, agreed: Money | None = None
) -> Reservation:
    """Let a reservation end earlier; the servers are free for others from then on.

    ``agreed`` is the most that may be owed in all. Raises NotFound, Forbidden, StateConflict, PriceChanged, and
    InvalidInput on ``ends_at``; then nothing has changed.
    """
    require(scope, reservation, Verb.RELEASE)
    fresh = locked(reservation, RUNNING)
    _check_end(fresh, ends_at)
    left, before = cut(fresh, ends_at, clock.now()), fresh.span
    require_agreed(left.total, agreed)
    # The order of everybody who gives time back: servers before their allocations and free time.
    lock_rows(Server.objects.filter(pk__in=used_servers(fresh)))
    # Never more than was booked: somebody else may have the time after that.
    upper = Least(F("occupied__endswith"), Value(ends_at + fresh.server_type.cleanup_time))
    Allocation.objects.filter(reservation=fresh, state__in=USED).update(**with_end(ends_at, upper))
    wake_waiting_list(fresh.server_type_id, fresh.region_id)
    write(
        fresh,
        period=Period(before.start, ends_at).as_range(),
        # What was announced is another end.
        end_announced_at=None,
        cancellation_fee=left.owed.amount,
        **repriced(left.charges, fresh.currency),
    )
    until = clock.as_rfc3339(ends_at)
    note_change(
        actor=actor,
        reservation=fresh,
        verb="reservation.shortened",
        data={"from": clock.as_rfc3339(before.end), "to": until, "fee": left.fee.as_json()},
        ends_at=until,
        saved=str(left.saved),
    )
    return fresh


def _check_end(reservation: Reservation, ends_at: datetime) -> None:
    now, span = clock.now(), reservation.span
    if ends_at >= span.end:
        at = clock.as_rfc3339(span.end)
        raise InvalidInput.of("ends_at", "not_before_end", f"Choose an end before the present one, {at}.")
    if ends_at < now + SOONEST_END:
        minutes = SOONEST_END // timedelta(minutes=1)
        raise InvalidInput.of(
            "ends_at", "too_soon", f"Choose an end at least {minutes} minutes from now, or end the reservation at once."
        )
    # One that is handed over before its start may end early in it, but not before it.
    if ends_at <= span.start or (reservation.state != ReservationState.ACTIVE and ends_at - span.start < min_length()):
        minutes = settings.METALYARD_MIN_RESERVATION_MINUTES
        raise InvalidInput.of("ends_at", "too_short", f"A reservation lasts at least {minutes} minutes.")
