"""Reservations of the past as rows: handed over at their start, given back at their end, erased and free again.

No service books the past, and none is moved there: what is written is what theirs leave behind. No operation belongs to
it, so nothing is begun on a machine; the servers were never held today.
"""

from itertools import pairwise

from portal.catalog.models import OSImage, SlaTier
from portal.catalog.selectors import PriceQuote
from portal.core.periods import Period
from portal.fleet.models import Region, Server, ServerType
from portal.launcher.demo.business.cast import DAY
from portal.reservations.models import Allocation, Placement, Reservation
from portal.reservations.services.booking import as_quoted, host_name
from portal.reservations.states import AllocationState, ReservationState
from portal.sla.definitions import Condition, Kind
from portal.sla.models import Evidence
from portal.sla.models.evidence import Source
from portal.tenancy.models import Project

BOOKED_AHEAD = 9 * DAY
SOURCES = {Kind.REACHABLE: Source.PROBE, Kind.POWER: Source.BMC}
"""What is looked at of a server by the minute, and by whom."""


def live_through(
    *,
    project: Project,
    name: str,
    server_type: ServerType,
    region: Region,
    period: Period,
    price: PriceQuote,
    tier: SlaTier | None,
    requested_by: str,
) -> Reservation:
    """Write a reservation that is over, committed if a contract's ``tier`` is given; return it."""
    made = Reservation.objects.create(
        state=ReservationState.ENDED,
        state_changed_at=period.end,
        created_at=period.start - BOOKED_AHEAD,
        organization=project.organization,
        project=project,
        name=name,
        server_type=server_type,
        region=region,
        count=price.count,
        period=period.as_range(),
        placement=Placement.SAME_FABRIC,
        image=OSImage.objects.get(slug="ubuntu-24-04-cuda"),
        ssh_keys=[],
        requested_by=requested_by,
        is_committed=tier is not None,
        sla_tier=tier,
        handed_over_at=period.start,
        end_announced_at=period.end - DAY,
        **as_quoted(price),
    )
    # Those that come last in their pool: what is booked next begins with the first.
    found = Server.objects.filter(server_type=server_type, region=region, is_spare=False).order_by("-pk")
    turnover = Period(period.end, period.end + server_type.cleanup_time)
    Allocation.objects.bulk_create(
        Allocation(
            state=AllocationState.RELEASED,
            state_changed_at=turnover.end,
            created_at=made.created_at,
            reservation=made,
            server=server,
            position=position,
            hostname=host_name(name, position, price.count),
            occupied=Period(period.start - server_type.lead_time, turnover.end).as_range(),
            turnover=turnover.as_range(),
            ssh_user="ubuntu",
            ready_at=period.start,
        )
        for position, server in enumerate(found[: price.count])
    )
    return made


def watch(reservation: Reservation, down: dict[int, list[Period]]) -> None:
    """Write what was seen of a reservation's servers: all well, but for when the server of a place was ``down``."""
    rows: list[Evidence] = []
    for allocation in reservation.allocations.order_by("position"):
        outages = down.get(allocation.position, [])
        edges = [reservation.span.start, *(at for one in outages for at in (one.start, one.end)), reservation.span.end]
        for kind, source in SOURCES.items():
            rows += [
                Evidence(
                    server_id=allocation.server_id,
                    kind=kind,
                    value=Condition.DOWN if number % 2 else Condition.UP,
                    since=since,
                    until=until,
                    source=source,
                    recorded_at=since,
                )
                for number, (since, until) in enumerate(pairwise(edges))
            ]
    Evidence.objects.bulk_create(rows)
