"""The three checks that a demand must pass, told apart: capacity, quota, approval. They inform; services decide."""

from dataclasses import dataclass

from portal.core import clock
from portal.core.money import Money
from portal.core.periods import Period
from portal.reservations.approval import ApprovalCheck, look_at_approval
from portal.reservations.capacity import Demand, free_count, next_fit
from portal.reservations.models import Quote, Reservation
from portal.reservations.quota_check import QuotaCheck, look_at_quotas
from portal.reservations.services.quotes import demand_of
from portal.reservations.states import QuoteState, ReservationState
from portal.tenancy.scope import Scope


@dataclass(frozen=True)
class CapacityCheck:
    """Whether enough is free, or held for the asker; ``next_fit`` is None where it is, or never will be."""

    passes: bool
    held: bool
    available: int
    next_fit: Period | None


@dataclass(frozen=True)
class Checks:
    """All three: of quota every limit that applies."""

    capacity: CapacityCheck
    quota: tuple[QuotaCheck, ...]
    approval: ApprovalCheck

    @property
    def within_quota(self) -> bool:
        """Whether every limit allows it."""
        return all(check.passes for check in self.quota)


def checks_of(scope: Scope, demand: Demand, total: Money, held: Reservation | None = None) -> Checks:
    """Look at a demand without locks; ``held`` is the reservation that keeps the capacity for it already."""
    limits = look_at_quotas(
        project=scope.project,
        server_type=demand.server_type,
        region=demand.region,
        count=demand.count,
        period=demand.period,
        beside=held,
    )
    return Checks(_capacity(demand, held), tuple(limits), look_at_approval(scope, total))


def checks_of_quote(scope: Scope, quote: Quote) -> Checks | None:
    """Look at what accepting a quote would meet now; None for one that can no longer be accepted."""
    now = clock.now()
    if quote.state != QuoteState.OPEN or min(quote.expires_at, quote.span.end) <= now:
        return None
    held = quote.reservation if quote.reservation and quote.reservation.state == ReservationState.HELD else None
    return checks_of(scope, demand_of(quote), quote.total, held)


def _capacity(demand: Demand, held: Reservation | None) -> CapacityCheck:
    if held is not None:
        return CapacityCheck(passes=True, held=True, available=demand.count, next_fit=None)
    free = free_count(demand)
    passes = free >= demand.count
    return CapacityCheck(passes, held=False, available=free, next_fit=None if passes else next_fit(demand))
