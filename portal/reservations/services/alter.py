"""What all changes of a reservation share: who may and in which state, and how the row is written."""

from collections.abc import Collection
from typing import Any

from portal.core import clock
from portal.core.errors import NotFound, StateConflict
from portal.core.locks import lock_row
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import AllocationState, ReservationState
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

RUNNING = (ReservationState.SCHEDULED, ReservationState.PROVISIONING, ReservationState.ACTIVE)
"""States in which a reservation's end can be another one."""

USED = (AllocationState.BOOKED, AllocationState.SERVING)
"""States of the allocations whose servers a reservation has or will have."""


def require(scope: Scope, reservation: Reservation, verb: Verb) -> None:
    """Raise NotFound for another project's reservation, and Forbidden."""
    if reservation.project_id != scope.project.pk:
        raise NotFound("This project has no such reservation.")
    scope.require(verb)


def locked(reservation: Reservation, states: Collection[ReservationState]) -> Reservation:
    """Lock a reservation and return it fresh. Raises StateConflict outside of ``states``, and for one that is over."""
    fresh = lock_row(Reservation, reservation.pk)
    require_state(fresh, states)
    return fresh


def require_state(reservation: Reservation, states: Collection[ReservationState]) -> None:
    """Raise StateConflict for a reservation in none of ``states``, and for one whose period is over."""
    if reservation.state not in states:
        possible = " or ".join(state.value for state in states)
        raise StateConflict(
            f"The reservation is {reservation.state}; only one that is {possible} can be changed like this.",
            extra={"state": reservation.state},
        )
    if reservation.span.end <= clock.now():
        raise StateConflict("The reservation's period is over.", extra={"state": reservation.state})


def write(reservation: Reservation, **fields: Any) -> None:
    """Write fields of a locked reservation, and set them on it."""
    Reservation.objects.filter(pk=reservation.pk).update(**fields)
    for field, value in fields.items():
        setattr(reservation, field, value)


def used_servers(reservation: Reservation) -> list[int]:
    """Return the pks of the servers that a reservation has or will have, in order."""
    rows = Allocation.objects.filter(reservation=reservation, state__in=USED)
    return list(rows.order_by("server_id").values_list("server_id", flat=True))
