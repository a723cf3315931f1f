"""What staff does for customers and to work on machines; what is in use is taken away by two people."""

from collections.abc import Sequence

from django import forms

from portal.approvals.admin.shown import show_approvals_on
from portal.approvals.models import Approval
from portal.audit.staff.acting import enumeration
from portal.audit.staff.acts import Act, On, Values, act_on, in_state, warn_before_acts_on
from portal.audit.staff.forms import TenantReasonForm
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import DomainError
from portal.fleet.models import Server
from portal.operations.models import Operation
from portal.operations.states import OPEN_OPERATION
from portal.reservations.admin.consent import Cost, PricedForm
from portal.reservations.charges import Unused
from portal.reservations.models import Reservation
from portal.reservations.services.forced import FORCED_RELEASE, ask_for_release, what_it_comes_to
from portal.reservations.services.lifecycle import call_off, look_at_release
from portal.reservations.services.stops import stop_operation
from portal.reservations.states import HOLDING, ReservationState

ACT = "reservations.change_reservation"
CHOICES = {
    Unused.PAID: "The whole price, as if it had gone on to its end",
    Unused.BY_TERMS: "What its cancellation terms say without notice",
    Unused.FREE: "Only the time until now",
}


ASKED = "{row} goes on until somebody else of the staff approves it: it waits in the queue."


def _of_release(reservation: Reservation, unused: str) -> Cost:
    """Say what is owed in all, at the most: the time that is used grows while one reads."""
    if unused == Unused.PAID:
        total = look_at_release(reservation, Unused.PAID).left.total
        return Cost(total, f"It is paid in full: in all it stays {total}.")
    look = look_at_release(reservation, Unused(unused))
    left, until = look.left, clock.as_rfc3339(look.until)
    return Cost(left.total, f"In all it is at most {left.total} until {until}, {left.saved} less than now.")


class ReleaseForm(PricedForm, TenantReasonForm):
    """Who takes servers back decides what the customer pays."""

    priced = "unused"
    cost = staticmethod(_of_release)
    unused = forms.ChoiceField(
        label="The customer pays",
        choices=[("", "Choose…"), *((unused.value, words) for unused, words in CHOICES.items())],
        help_text="Of one reservation it is said what that comes to before anything is done.",
    )
    field_order = ("unused", "reason")


def _release(actor: Actor, row: Reservation, values: Values) -> Approval:
    return ask_for_release(actor=actor, reservation=row, **{**values, "unused": Unused(values["unused"])})


act_on(
    Reservation,
    Act(
        name="cancel",
        title="Cancel",
        permission=ACT,
        on=On.ROWS,
        perform=lambda actor, row, values: call_off(actor=actor, reservation=row, reason=values["reason"]),
        form=TenantReasonForm,
        fits=in_state(ReservationState.HELD, ReservationState.SCHEDULED, ReservationState.PROVISIONING),
        effects=(
            "The reservation is called off for the customer. Its servers are free for others.",
            "Servers that were begun with are erased first.",
        ),
        done="{row} is cancelled.",
        icon="event_busy",
        is_grave=True,
    ),
    Act(
        name="release",
        title="Ask for release",
        permission=ACT,
        on=On.ROWS,
        perform=_release,
        form=ReleaseForm,
        fits=in_state(ReservationState.ACTIVE),
        effects=(
            "Nothing happens until somebody else of the staff approves it.",
            "Then the servers are switched off and their disks erased: the customer loses what is on them.",
            "They return to the pool with proof of erasure.",
        ),
        done=ASKED,
        icon="power_settings_new",
        is_grave=True,
    ),
)
act_on(
    Operation,
    Act(
        name="cancel",
        title="Cancel",
        permission="operations.change_operation",
        perform=lambda actor, row, values: stop_operation(actor=actor, operation=row, reason=values["reason"]),
        form=TenantReasonForm,
        fits=in_state(*OPEN_OPERATION),
        effects=(
            "Whoever works on it is stopped.",
            "A deployment takes its reservation with it: the servers are erased and the reservation ends.",
            "An erasure leaves its servers in quarantine until they are erased anew; their reservation ends.",
            "What a customer asked for with a server that it holds leaves it with the customer, as it is then.",
            "An inspection that is stopped has failed.",
        ),
        done="{row} is cancelled.",
        icon="cancel",
        is_grave=True,
    ),
)


def _booked(server: Server) -> Sequence[str]:
    held = server.allocations.filter(state__in=HOLDING).select_related("reservation").order_by("occupied")
    listed = [f"{allocation.reservation.name} ({allocation.reservation})" for allocation in held]
    if not listed:
        return []
    return [
        f"It is booked for {enumeration(listed)}. A reservation that has not begun gets another free server, "
        "if there is one."
    ]


def _cost_of(approval: Approval) -> Sequence[str]:
    if approval.kind != FORCED_RELEASE:
        return []
    try:
        return [what_it_comes_to(approval)]
    except DomainError as error:
        return [error.detail]


warn_before_acts_on(Server, _booked)
warn_before_acts_on(Approval, _cost_of)
show_approvals_on(Reservation)
