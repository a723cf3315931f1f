"""Keeping capacity for an offer, and letting it go."""

from collections.abc import Iterable
from datetime import datetime

from portal.contracts.models import Contract, ContractHold, ContractLine
from portal.contracts.prices import price_of
from portal.contracts.wishes import at_line
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import DomainError, FieldError, InsufficientCapacity, InvalidInput
from portal.core.periods import Period
from portal.reservations.capacity import Demand
from portal.reservations.services.booking import Promise
from portal.reservations.services.committed import hold_committed, prolong_hold
from portal.reservations.services.quotes import give_up
from portal.reservations.states import QuoteState


def wrong_line(line: ContractLine, field: str, code: str, detail: str) -> InvalidInput:
    """Return the refusal for one field of a line."""
    error = at_line(line.position, FieldError(field, code, detail))
    return InvalidInput(detail, errors=[error])


def no_room(line: ContractLine, error: DomainError) -> InvalidInput:
    """Return the refusal for a line for which there are too few servers, with what would fit."""
    return InvalidInput(
        error.detail,
        errors=[at_line(line.position, FieldError("count", InsufficientCapacity.code, error.detail))],
        extra=error.extra,
    )


def demand_of(line: ContractLine) -> Demand:
    """Return what a line asks of the calendar, as far as that is to come. Raises InvalidInput for one that is over."""
    now = clock.now()
    if line.span.end <= now:
        raise wrong_line(line, "ends_at", "over", "The line is over already; leave it out.")
    period = Period(max(line.span.start, now), line.span.end)
    return Demand(line.server_type, line.region, line.count, period, line.placement)


def by_pool(lines: Iterable[ContractLine]) -> list[ContractLine]:
    """Return lines in the order in which all contracts take their servers, so that two do not wait for each other."""
    return sorted(lines, key=lambda line: (line.server_type_id, line.region_id, line.position))


def hold_lines(*, actor: Actor, contract: Contract, lines: Iterable[ContractLine], until: datetime) -> None:
    """Hold the servers of all lines until an instant. Raises InvalidInput on the row for which there are too few."""
    for line in by_pool(lines):
        demand = demand_of(line)
        try:
            quote = hold_committed(
                actor=actor,
                project=contract.project,
                demand=demand,
                price=price_of(line, demand.period),
                until=until,
                promise=Promise(line.sla_tier),
            )
        except InsufficientCapacity as error:
            raise no_room(line, error) from error
        ContractHold.objects.create(line=line, quote=quote)


def _holds(contract: Contract) -> list[ContractHold]:
    return list(ContractHold.objects.select_related("quote").filter(line__contract=contract).order_by("quote"))


def prolong_holds(*, actor: Actor, contract: Contract, until: datetime) -> None:
    """Keep what is still held for longer: who has signed must not lose it to who is quicker."""
    for hold in _holds(contract):
        if hold.quote.expires_at < until:
            prolong_hold(actor=actor, quote=hold.quote, until=until)


def drop_holds(*, actor: Actor, contract: Contract, reason: str) -> None:
    """Free what is held for an offer that is changed or came to nothing."""
    for hold in _holds(contract):
        if hold.quote.state == QuoteState.OPEN:
            give_up(actor=actor, quote=hold.quote, reason=reason)
        hold.delete()
