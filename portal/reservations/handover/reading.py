"""From a reservation's rows to its cluster."""

from collections.abc import Iterable

from portal.core.errors import StateConflict
from portal.operations.models import AcceptanceReport
from portal.operations.selectors import acceptance_of
from portal.reservations.handover.nodes import Cluster, Node, cluster_of
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import AllocationState


def node_of(allocation: Allocation, report: AcceptanceReport | None) -> Node:
    """Return a handed-over server, and what was found when it was checked, as the kit knows it."""
    server = allocation.server
    kind = server.server_type
    return Node(
        server=server.public_id,
        hostname=allocation.hostname,
        address=server.ssh_host,
        port=server.ssh_port,
        user=allocation.ssh_user,
        host_keys=tuple(allocation.host_keys),
        region=server.region.code,
        fabric=server.fabric.name,
        technology=server.fabric.technology,
        rack=server.rack.name,
        unit=server.rack_unit,
        gpu_model=kind.gpu_model,
        gpu_count=kind.gpu_count,
        memory_gb=kind.memory_gb,
        report=report.document if report else None,
        checked_at=report.at if report else None,
    )


def handed_over(reservation: Reservation) -> Cluster:
    """Return the reservation's servers that are handed over. Raises StateConflict while there are none."""
    serving = reservation.allocations.filter(state=AllocationState.SERVING).select_related(
        "server__server_type", "server__region", "server__fabric", "server__rack"
    )
    if not serving:
        raise StateConflict("No server of this reservation is handed over: there is a kit from the hand-over on.")
    return cluster_with(reservation, serving)


def cluster_with(reservation: Reservation, serving: Iterable[Allocation]) -> Cluster:
    """Return the cluster of servers that are handed over, read with what they refer to."""
    reports = acceptance_of(reservation.public_id)
    nodes = [node_of(allocation, reports.get(allocation.server_id)) for allocation in serving]
    return cluster_of(reservation.public_id, reservation.name, nodes)
