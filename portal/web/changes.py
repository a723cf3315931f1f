"""The changes that can be made to a reservation, as a table: what each asks for, what it answers, and what it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms

from portal.core.money import Money
from portal.reservations.models import Reservation
from portal.reservations.services.alter import RUNNING
from portal.reservations.services.enlarge import STATES as ENLARGEABLE
from portal.reservations.services.enlarge import add_servers, look_at_adding
from portal.reservations.services.extend import extend, look_at_extension
from portal.reservations.services.shorten import look_at_shortening, shorten
from portal.reservations.states import ReservationState
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.forms.changes import CountForm, EndForm
from portal.web.forms.search import written
from portal.web.templatetags.web import counted, when
from portal.web.wording import money_text


@dataclass(frozen=True)
class Answer:
    """What a change would come to: amounts by what they are for, the new total, and where it does not fit why not.

    ``instead`` is the query of what would fit, ``instead_words`` what that is.
    """

    lines: Mapping[str, Money]
    total: Money
    button: str
    fits: bool = True
    note: str = ""
    instead: str = ""
    instead_words: str = ""


@dataclass(frozen=True)
class Change:
    """One kind of change."""

    title: str
    help: str
    done: str
    verb: Verb
    states: tuple[ReservationState, ...]
    form: type[forms.Form]
    look: Callable[[Scope, Reservation, dict[str, Any]], Answer]
    act: Callable[[Scope, Reservation, dict[str, Any], Money | None], Reservation]


def _extension(scope: Scope, reservation: Reservation, asked: dict[str, Any]) -> Answer:
    found = look_at_extension(scope, reservation, asked["ends_at"])
    latest = found.latest_end if found.latest_end and found.latest_end > reservation.span.end else None
    note = ""
    if not found.fits:
        who = "1 of its servers is" if found.blocked == 1 else f"{found.blocked} of its servers are"
        since = f" from {when(found.blocked_from)}" if found.blocked_from else ""
        note = f"{who} promised to others{since}."
        note += f" The latest possible end is {when(latest)}." if latest else " No later end is possible."
    return Answer(
        lines={"Added": found.added},
        total=found.total,
        button=f"Extend for {money_text(found.added)}",
        fits=found.fits,
        note=note,
        instead=urlencode({"ends_at": written(latest)}) if latest and not found.fits else "",
        instead_words=f"Extend to {when(latest)} instead" if latest else "",
    )


def _shortening(scope: Scope, reservation: Reservation, asked: dict[str, Any]) -> Answer:
    found = look_at_shortening(scope, reservation, asked["ends_at"])
    return Answer(
        lines={"You no longer pay": found.saved, "Fee for giving it back early, in the total": found.fee},
        total=found.total,
        button=f"End earlier for {money_text(found.total)} in all",
    )


def _adding(scope: Scope, reservation: Reservation, asked: dict[str, Any]) -> Answer:
    found = look_at_adding(scope, reservation, asked["count"])
    note = "" if found.fits else f"{counted(found.free, 'further server')} can be added until the end."
    return Answer(
        lines={"Added": found.added},
        total=found.total,
        button=f"Add {counted(asked['count'], 'server')} for {money_text(found.added)}",
        fits=found.fits,
        note=note,
        instead=urlencode({"count": found.free}) if not found.fits and found.free else "",
        instead_words=f"Add {found.free} instead",
    )


def _by(
    service: Callable[..., Reservation],
) -> Callable[[Scope, Reservation, dict[str, Any], Money | None], Reservation]:
    """Return how a service that takes the form's fields is called."""

    def act(scope: Scope, reservation: Reservation, asked: dict[str, Any], agreed: Money | None) -> Reservation:
        return service(scope=scope, actor=scope.actor, reservation=reservation, agreed=agreed, **asked)

    return act


CHANGES = {
    "extend": Change(
        title="Extend",
        help="The same servers, longer, at the list price of today for the added time.",
        done="{name} now ends later.",
        verb=Verb.RESERVE,
        states=RUNNING,
        form=EndForm,
        look=_extension,
        act=_by(extend),
    ),
    "shorten": Change(
        title="Shorten",
        help="The servers are given back earlier. What that saves depends on the cancellation terms.",
        done="{name} now ends earlier.",
        verb=Verb.RELEASE,
        states=RUNNING,
        form=EndForm,
        look=_shortening,
        act=_by(shorten),
    ),
    "add-servers": Change(
        title="Add servers",
        help="Further servers for the rest of its time, in the same fabric where that was promised.",
        done="{name} has more servers.",
        verb=Verb.RESERVE,
        states=ENLARGEABLE,
        form=CountForm,
        look=_adding,
        act=_by(add_servers),
    ),
}
"""By the name of their page."""
