"""Another end for a reservation, on behalf of the customer: first the price, then the deed."""

from datetime import datetime
from typing import Any

from portal.approvals.models import Approval
from portal.audit.staff.acts import Act, Values, act_on, in_state
from portal.audit.staff.forms import Moment
from portal.core import clock
from portal.core.actors import SYSTEM, Actor
from portal.reservations.admin.acts import ASKED
from portal.reservations.admin.consent import Cost, PricedForm
from portal.reservations.models import Reservation
from portal.reservations.services.alter import RUNNING
from portal.reservations.services.behalf import extend_for, scope_for, shorten_for
from portal.reservations.services.extend import look_at_extension
from portal.reservations.services.forced import ask_for_earlier_end
from portal.reservations.services.shorten import look_at_shortening
from portal.reservations.states import ReservationState


class EndForm(PricedForm):
    """A new end."""

    priced = "ends_at"
    ends_at = Moment(label="New end")
    field_order = ("ends_at", "reason")

    def __init__(self, *args: Any, row: Reservation | None = None, **kwargs: Any) -> None:
        """Say the present end, which is overwritten in its field."""
        super().__init__(*args, row=row, **kwargs)
        self.fields["ends_at"].help_text = f"UTC. It ends at {row.span.end:%Y-%m-%d %H:%M} now." if row else "UTC."


def _of_extension(reservation: Reservation, ends_at: datetime) -> Cost:
    """Say what the added time costs. Whether there is room the service says."""
    look = look_at_extension(scope_for(SYSTEM, reservation.project), reservation, ends_at)
    room = "" if look.fits else f" {look.blocked} of its servers are promised to others."
    latest = f" It can end at {clock.as_rfc3339(look.latest_end)} at the latest." if look.latest_end else ""
    said = f"The added time costs {look.added}; in all it is {look.total} then.{room}{latest if room else ''}"
    return Cost(look.total, said)


def _of_shortening(reservation: Reservation, ends_at: datetime) -> Cost:
    """Say what is owed for the time that is called off."""
    look = look_at_shortening(scope_for(SYSTEM, reservation.project), reservation, ends_at)
    said = f"Calling the rest off costs {look.fee}; in all it is {look.total} then, {look.saved} less than now."
    return Cost(look.total, said)


class ExtendForm(EndForm):
    """A later end."""

    cost = staticmethod(_of_extension)


class ShortenForm(EndForm):
    """An earlier end."""

    cost = staticmethod(_of_shortening)


def _extend(actor: Actor, row: Reservation, values: Values) -> None:
    extend_for(actor=actor, reservation=row, **values)


def _shorten(actor: Actor, row: Reservation, values: Values) -> None:
    shorten_for(actor=actor, reservation=row, **values)


def _ask_for_earlier_end(actor: Actor, row: Reservation, values: Values) -> Approval:
    return ask_for_earlier_end(actor=actor, reservation=row, **values)


def _present_end(row: Reservation | None) -> dict[str, Any]:
    return {"ends_at": row.span.end} if row is not None else {}


act_on(
    Reservation,
    Act(
        name="extend",
        title="Extend",
        permission="reservations.change_reservation",
        perform=_extend,
        form=ExtendForm,
        initial=_present_end,
        fits=in_state(*RUNNING),
        effects=(
            "The customer keeps the same servers until the new end, at the list price of now for the added time.",
            "Quotas hold; where the servers are promised to others it is refused.",
        ),
        done="{row} ends later.",
        icon="more_time",
    ),
    Act(
        name="shorten",
        title="Shorten",
        permission="reservations.change_reservation",
        perform=_shorten,
        form=ShortenForm,
        initial=_present_end,
        fits=in_state(ReservationState.SCHEDULED, ReservationState.PROVISIONING),
        effects=(
            "The servers are taken back and erased at the new end. What is called off costs what was agreed for "
            "that much notice.",
        ),
        done="{row} ends earlier.",
        icon="timer_off",
    ),
    Act(
        name="earlier-end",
        title="Ask for earlier end",
        permission="reservations.change_reservation",
        perform=_ask_for_earlier_end,
        form=ShortenForm,
        initial=_present_end,
        fits=in_state(ReservationState.ACTIVE),
        effects=(
            "Nothing happens until somebody else of the staff approves it.",
            "Then the servers are taken back and erased at the new end. What is called off costs what was agreed for "
            "that much notice.",
        ),
        done=ASKED,
        icon="timer_off",
        is_grave=True,
    ),
)
