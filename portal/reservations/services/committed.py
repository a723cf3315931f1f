"""Capacity of contracts: held while one is offered, booked when it is activated. It counts against no quota."""

from datetime import datetime

from django.db import transaction

from portal.audit.services import record
from portal.catalog.selectors import PriceQuote
from portal.core import clock
from portal.core.actors import Actor
from portal.core.locks import lock_row
from portal.reservations import capacity
from portal.reservations.capacity import Demand
from portal.reservations.models import Quote, Reservation
from portal.reservations.services.booking import (
    Pick,
    Promise,
    Wording,
    allocate,
    whole,
    with_room,
    write_reservation,
)
from portal.reservations.services.quotes import hold_capacity
from portal.reservations.services.reserve import confirm
from portal.reservations.services.start import begin_provisioning
from portal.reservations.states import QuoteState, ReservationState
from portal.tenancy.models import Project


@transaction.atomic
def hold_committed(
    *, actor: Actor, project: Project, demand: Demand, price: PriceQuote, until: datetime, promise: Promise
) -> Quote:
    """Hold servers for a contract that is offered until an instant. Raises InsufficientCapacity."""

    def hold(pick: Pick) -> Quote:
        return hold_capacity(
            actor=actor, project=project, demand=demand, price=price, until=until, pick=pick, promise=promise
        )

    return with_room(demand, lambda pick: whole(lambda: hold(pick)))


@transaction.atomic
def prolong_hold(*, actor: Actor, quote: Quote, until: datetime) -> bool:
    """Keep capacity that is held for a contract for longer. Returns whether it still was held."""
    held = lock_row(Reservation, quote.reservation_id) if quote.reservation_id else None
    fresh = lock_row(Quote, quote.pk)
    if held is None or fresh.state != QuoteState.OPEN or fresh.expires_at <= clock.now():
        return False
    Quote.objects.filter(pk=fresh.pk).update(expires_at=until)
    Reservation.objects.filter(pk=held.pk).update(state_deadline_at=until)
    record(
        actor=actor,
        verb="quote.prolonged",
        target=fresh.public_id,
        scope=fresh.organization.public_id,
        data={"expires_at": clock.as_rfc3339(until)},
    )
    return True


@transaction.atomic
def book_committed(
    *, actor: Actor, project: Project, demand: Demand, price: PriceQuote, wording: Wording, promise: Promise
) -> Reservation:
    """Reserve servers for a contract for which nothing is held. Raises InsufficientCapacity, InvalidInput on ``name``.

    One that is due begins to be prepared at once.
    """

    def book(pick: Pick) -> Reservation:
        span = capacity.occupied_period(demand.server_type, demand.period)
        servers = pick(demand, span)
        made = write_reservation(
            actor=actor,
            project=project,
            demand=demand,
            price=price,
            wording=wording,
            state=ReservationState.SCHEDULED,
            promise=promise,
        )
        allocate(made, servers, span)
        return made

    reservation = with_room(demand, lambda pick: whole(lambda: book(pick)))
    confirm(actor=actor, reservation=reservation)
    begin_provisioning(actor=actor, reservation=reservation)
    return reservation
