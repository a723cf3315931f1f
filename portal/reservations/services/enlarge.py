"""More servers for the rest of a reservation's period."""

from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Max

from portal.catalog.selectors import quote_price
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import InsufficientCapacity, InvalidInput, StateConflict
from portal.core.money import Money
from portal.core.periods import Period
from portal.core.repeating import repeatable
from portal.fleet.models import Fabric
from portal.operations.services.queue import queue_operation
from portal.operations.states import OperationKind
from portal.reservations import capacity
from portal.reservations.approval import require_approval
from portal.reservations.budget_check import check_budgets
from portal.reservations.capacity import Demand
from portal.reservations.charges import Charge, charges_of
from portal.reservations.enquiries import noted
from portal.reservations.models import Enquiry, Placement, Reservation
from portal.reservations.quota_check import check_quotas
from portal.reservations.request import MAX_COUNT, min_length
from portal.reservations.services.agreed import note_change, price_of, repriced, require_agreed
from portal.reservations.services.alter import USED, locked, require, require_state, write
from portal.reservations.services.booking import Pick, allocate, with_room
from portal.reservations.states import ReservationState
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

STATES = (ReservationState.SCHEDULED, ReservationState.ACTIVE)


@dataclass(frozen=True)
class Adding:
    """What more servers would cost, whether they are free, and how many are at most."""

    fits: bool
    free: int
    added: Money
    total: Money


def look_at_adding(scope: Scope, reservation: Reservation, count: int) -> Adding:
    """Return what ``count`` more servers would cost, and whether they are free; ``add_servers`` decides.

    Raises NotFound, Forbidden, StateConflict, NoPrice, and InvalidInput on ``count``.
    """
    require(scope, reservation, Verb.RESERVE)
    demand = _demand(reservation, count)
    free = min(capacity.free_count(demand), MAX_COUNT - reservation.count)
    added = _charge(reservation, demand).amount
    return Adding(free >= count, free, added, price_of(reservation) + added)


@repeatable
def add_servers(
    *, scope: Scope, actor: Actor, reservation: Reservation, count: int, agreed: Money | None = None
) -> Reservation:
    """Give a reservation ``count`` more servers until its end, of the same fabric if that was promised.

    Those of an active one begin to be prepared at once. ``agreed`` is the most that may be owed in all.

    Raises NotFound, Forbidden, StateConflict, NoPrice, InvalidInput on ``count``, PriceChanged, ApprovalRequired,
    BudgetExceeded, QuotaExceeded and InsufficientCapacity; then nothing has changed.
    """
    require(scope, reservation, Verb.RESERVE)
    demand = _demand(reservation, count)

    def act() -> Reservation:
        try:
            return with_room(demand, lambda pick: _add(scope, actor, reservation, count, agreed, pick))
        except InsufficientCapacity:
            raise _too_few(demand) from None

    return noted(Enquiry.Kind.ADD, scope, demand, act)


def _too_few(demand: Demand) -> InsufficientCapacity:
    """Return the refusal without a later start: what is added begins now or with the others."""
    available = capacity.free_count(demand)
    where = f"fabric {demand.fabric.name}" if demand.fabric else demand.region.code
    return InsufficientCapacity(
        f"{available} more x {demand.server_type.name} are free in {where} until the reservation's end.",
        extra={"available": available, "next_fit": None},
    )


@transaction.atomic
def _add(
    scope: Scope, actor: Actor, reservation: Reservation, count: int, agreed: Money | None, pick: Pick
) -> Reservation:
    fresh = locked(reservation, STATES)
    demand = _demand(fresh, count)
    charge = _charge(fresh, demand)
    require_agreed(price_of(fresh) + charge.amount, agreed)
    require_approval(scope, charge.amount)
    check_budgets(project=fresh.project, asked=[charge], span=demand.period, currency=fresh.currency)
    check_quotas(
        project=fresh.project,
        server_type=fresh.server_type,
        region=fresh.region,
        count=fresh.count + count,
        period=fresh.span,
        beside=fresh,
    )
    span = capacity.occupied_period(fresh.server_type, demand.period)
    servers = pick(demand, span)
    last = fresh.allocations.aggregate(last=Max("position"))["last"]
    write(fresh, count=fresh.count + count, **repriced([*charges_of(fresh), charge], fresh.currency))
    allocate(fresh, servers, span, first=0 if last is None else last + 1)
    note_change(
        actor=actor,
        reservation=fresh,
        verb="reservation.enlarged",
        data={"added": count, "count": fresh.count, "added_price": charge.amount.as_json()},
        added=count,
        count=fresh.count,
    )
    if fresh.state == ReservationState.ACTIVE:
        _deploy(actor, fresh, servers)
    return fresh


def _demand(reservation: Reservation, count: int) -> Demand:
    """Return what is asked for: from now on, or from a start that is to come. Raises StateConflict, InvalidInput."""
    require_state(reservation, STATES)
    most = MAX_COUNT - reservation.count
    if not 1 <= count <= most:
        raise InvalidInput.of("count", "out_of_range", f"Ask for 1 to {most} more servers.")
    start = max(clock.now(), reservation.span.start)
    if reservation.span.end - start < min_length():
        raise StateConflict(
            "The reservation ends too soon for more servers: extend it first.", extra={"state": reservation.state}
        )
    period = Period(start, reservation.span.end)
    return Demand(
        reservation.server_type,
        reservation.region,
        count,
        period,
        reservation.placement,
        fabric=_fabric(reservation),
    )


def _fabric(reservation: Reservation) -> Fabric | None:
    """Return the fabric in which all servers are to be; None where none was promised."""
    if reservation.placement != Placement.SAME_FABRIC:
        return None
    held = reservation.allocations.filter(state__in=USED).select_related("server__fabric").order_by("position").first()
    return held.server.fabric if held else None


def _charge(reservation: Reservation, demand: Demand) -> Charge:
    price = quote_price(
        demand.server_type, demand.region, reservation.currency, demand.count, demand.period, clock.now()
    )
    servers = "1 server" if demand.count == 1 else f"{demand.count} servers"
    line = replace(price.lines[0], label=f"{price.lines[0].label}, {servers} more")
    return Charge(line, demand.count, price.rate, demand.period)


def _deploy(actor: Actor, reservation: Reservation, servers: list[int]) -> None:
    """Prepare added servers in an operation of their own; the others are not touched."""
    added = reservation.allocations.filter(server__in=servers, state__in=USED).select_related("server")
    queue_operation(
        actor=actor,
        kind=OperationKind.DEPLOY,
        subject=reservation.public_id,
        project=reservation.project,
        servers=[(allocation.server, allocation.hostname) for allocation in added.order_by("position")],
        image=reservation.image,
        ssh_keys=reservation.ssh_keys,
        user_data=reservation.user_data,
    )
