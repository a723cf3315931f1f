"""What staff does for customers and to work on machines."""

from collections.abc import Sequence

from portal.audit.staff.acting import enumeration
from portal.audit.staff.acts import Act, On, act_on, in_state, warn_before_acts_on
from portal.audit.staff.forms import TenantReasonForm
from portal.fleet.models import Server
from portal.operations.models import Operation
from portal.operations.states import OPEN_OPERATION
from portal.reservations.models import Reservation
from portal.reservations.services.lifecycle import call_off, take_back
from portal.reservations.services.stops import stop_operation
from portal.reservations.states import HOLDING, ReservationState

ACT = "reservations.change_reservation"
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
        title="Release",
        permission=ACT,
        on=On.ROWS,
        perform=lambda actor, row, values: take_back(actor=actor, reservation=row, reason=values["reason"]),
        form=TenantReasonForm,
        fits=in_state(ReservationState.ACTIVE),
        effects=(
            "The servers are switched off now and their disks erased: the customer loses what is on them.",
            "They return to the pool with proof of erasure.",
        ),
        done="{row} is ending.",
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


warn_before_acts_on(Server, _booked)
