"""Making a reservation: all of its servers or a clear refusal."""

from django.db import transaction

from portal.audit.services import record
from portal.catalog.selectors import PriceQuote, quote_price
from portal.core import clock
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import InsufficientCapacity, InvalidInput, QuotaExceeded
from portal.core.locks import lock_rows
from portal.core.periods import Period, peak
from portal.fleet.models import Server
from portal.operations.services.events import tell
from portal.quotas.selectors import quota_for
from portal.reservations import capacity
from portal.reservations.capacity import Demand
from portal.reservations.models import Allocation, Reservation
from portal.reservations.placement import choose
from portal.reservations.request import ReservationRequest, check
from portal.reservations.services.start import begin_provisioning
from portal.reservations.states import LIVE, AllocationState, ReservationState
from portal.tenancy.models import Organization
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

ATTEMPTS = 3
"""How often servers are looked for when others keep changing the calendar between the look and the locks."""
TAKEN = "The servers were taken meanwhile."


def reserve(*, scope: Scope, actor: Actor, request: ReservationRequest) -> Reservation:
    """Reserve servers for the scope's project; one that starts now begins to be prepared at once.

    Raises Forbidden, InvalidInput (with every wrong field), NoPrice, QuotaExceeded or InsufficientCapacity;
    then nothing has changed.
    """
    scope.require(Verb.RESERVE)
    period = check(request)
    if any(key.project_id != scope.project.pk for key in request.ssh_keys):
        raise InvalidInput.of("ssh_keys", "unknown", "Choose SSH keys of this project.")
    demand = Demand(request.server_type, request.region, request.count, period, request.placement)
    for _ in range(ATTEMPTS):
        try:
            return _reserve(scope, actor, request, demand)
        except InsufficientCapacity:
            # The locks are gone with what was begun, so the look around below holds up nobody.
            if not capacity.fits(demand):
                break
    raise insufficient(demand)


@transaction.atomic
def _reserve(scope: Scope, actor: Actor, request: ReservationRequest, demand: Demand) -> Reservation:
    period = demand.period
    # Asked before the servers are chosen: then those of a start that is due were chosen among the ready ones.
    is_due = period.start - request.server_type.lead_time <= clock.now()
    price = quote_price(
        request.server_type, request.region, scope.organization.currency, request.count, period, clock.now()
    )
    _check_quota(scope.organization, demand)
    servers = _take(demand)
    reservation = _create(scope, actor, request, period, price)
    _allocate(reservation, servers, capacity.occupied_period(request.server_type, period))
    record(
        actor=actor,
        verb="reservation.created",
        target=reservation.public_id,
        scope=scope.organization.public_id,
        data={"count": request.count, "server_type": request.server_type.slug, "price": price.total.as_json()},
    )
    tell(
        actor=actor,
        subject=reservation.public_id,
        event_type="reservation.confirmed",
        count=request.count,
        server_type=request.server_type.name,
        region=request.region.code,
    )
    if is_due:
        begin_provisioning(actor=actor, reservation=reservation)
    return reservation


def held_at_once(organization: Organization, demand: Demand) -> int:
    """Return the most servers of the demand's kind that the organization holds at any instant of the period."""
    rows = Reservation.objects.filter(
        organization=organization,
        server_type=demand.server_type,
        region=demand.region,
        state__in=LIVE,
        period__overlap=demand.period.as_range(),
    ).values_list("period", "count")
    return peak((Period.of_range(period), count) for period, count in rows)


def _check_quota(organization: Organization, demand: Demand) -> None:
    quota = next(iter(lock_rows(quota_for(organization, demand.server_type, demand.region))), None)
    used = held_at_once(organization, demand)
    if quota is None or not quota.admits(used=used, requested=demand.count):
        limit = quota.limit if quota else 0
        raise QuotaExceeded(
            f"{organization.name} may hold {limit} x {demand.server_type.name} in {demand.region.code} at once and "
            f"holds {used} in this period; {demand.count} more do not fit. Choose fewer or another period, or ask for "
            "more quota.",
            extra={"limit": limit, "used": used, "requested": demand.count},
        )


def _take(demand: Demand) -> list[Server]:
    """Lock the free servers of the pool in pk order, look again, and choose. Raises InsufficientCapacity."""
    lockable = [server.pk for server in capacity.free_servers(demand)]
    locked = {server.pk: server for server in lock_rows(Server.objects.filter(pk__in=lockable))}
    free = [server for server in capacity.free_servers(demand) if server.pk in locked]
    chosen = choose(free, demand.count, same_fabric=demand.same_fabric)
    if chosen is None:
        raise InsufficientCapacity(TAKEN)
    return [locked[pk] for pk in chosen]


def insufficient(demand: Demand) -> InsufficientCapacity:
    """Return the refusal for a demand that does not fit, with what would."""
    available = capacity.free_count(demand)
    later = capacity.next_fit(demand)
    where = "in one fabric " if demand.same_fabric else ""
    hint = f" {demand.count} are free from {clock.as_rfc3339(later.start)}." if later else ""
    return InsufficientCapacity(
        f"{available} of {demand.count} x {demand.server_type.name} are free {where}in {demand.region.code} "
        f"for the whole period.{hint}",
        extra={
            "available": available,
            "next_fit": {"starts_at": clock.as_rfc3339(later.start), "ends_at": clock.as_rfc3339(later.end)}
            if later
            else None,
        },
    )


def _create(scope: Scope, actor: Actor, request: ReservationRequest, period: Period, price: PriceQuote) -> Reservation:
    taken = f"The project has a reservation named {request.name!r}; choose another name."
    with refuse("reservation_name_once", InvalidInput.of("name", "duplicate", taken)):
        return Reservation.objects.create(
            state=ReservationState.SCHEDULED,
            organization=scope.organization,
            project=scope.project,
            name=request.name,
            server_type=request.server_type,
            region=request.region,
            count=request.count,
            period=period.as_range(),
            placement=request.placement,
            image=request.image,
            ssh_keys=[key.public_key for key in request.ssh_keys],
            user_data=request.user_data,
            labels=dict(request.labels),
            rate_per_gpu_hour=price.rate,
            price=price.total.amount,
            currency=price.currency,
            requested_by=actor.label[:200],
        )


def _allocate(reservation: Reservation, servers: list[Server], occupied: Period) -> None:
    width = max(2, len(str(reservation.count)))
    with refuse("allocation_no_overlap", InsufficientCapacity(TAKEN)):
        Allocation.objects.bulk_create(
            Allocation(
                state=AllocationState.BOOKED,
                reservation=reservation,
                server=server,
                position=position,
                hostname=f"{reservation.name}-{position + 1:0{width}d}",
                occupied=occupied.as_range(),
            )
            for position, server in enumerate(servers)
        )
