"""What all changes of a reservation share: who may and when, how its price is written anew, and how it is noted."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from portal.audit.services import record
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import InvalidInput, NotFound, PriceChanged, StateConflict
from portal.core.locks import lock_row
from portal.core.money import Money
from portal.operations.services.events import tell
from portal.reservations.charges import Charge, sum_of
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


def check_later_end(reservation: Reservation, ends_at: datetime) -> None:
    """Raise InvalidInput on ``ends_at`` unless it is later than the present end."""
    if ends_at <= reservation.span.end:
        at = clock.as_rfc3339(reservation.span.end)
        raise InvalidInput.of("ends_at", "not_after_end", f"Choose an end after the present one, {at}.")


def repriced(charges: Iterable[Charge], currency: str) -> dict[str, Any]:
    """Return the fields of a price that was changed: what it is made of now, and its sum; rate and terms stay."""
    known = list(charges)
    return {"price": sum_of(known, currency).amount, "price_lines": [charge.as_json() for charge in known]}


def write(reservation: Reservation, **fields: Any) -> None:
    """Write fields of a locked reservation, and set them on it."""
    Reservation.objects.filter(pk=reservation.pk).update(**fields)
    for field, value in fields.items():
        setattr(reservation, field, value)


def note_change(*, actor: Actor, reservation: Reservation, verb: str, data: dict[str, Any], **words: Any) -> None:
    """Record a change that is written, with ``data`` and the price as it is now, and tell the customer.

    ``words`` fill the sentence of the event that is called like ``verb``.
    """
    record(
        actor=actor,
        verb=verb,
        target=reservation.public_id,
        scope=reservation.organization.public_id,
        data={**data, "price": price_of(reservation).as_json()},
    )
    tell(actor=actor, subject=reservation.public_id, event_type=verb, **words)


def price_of(reservation: Reservation) -> Money:
    """Return the agreed price."""
    return Money(reservation.price, reservation.currency)


def require_agreed(total: Money, agreed: Money | None) -> None:
    """Raise PriceChanged where more is owed in all than somebody agreed to; None agrees to any price."""
    if agreed is not None and (agreed.currency != total.currency or agreed.amount < total.amount):
        raise PriceChanged(
            f"It comes to {total} in all by now, not to {agreed}. Nothing was changed; look at the new price first.",
            extra={"agreed": agreed.as_json(), "total": total.as_json()},
        )


def used_servers(reservation: Reservation) -> list[int]:
    """Return the pks of the servers that a reservation has or will have, in order."""
    rows = Allocation.objects.filter(reservation=reservation, state__in=USED)
    return list(rows.order_by("server_id").values_list("server_id", flat=True))
