"""From a reservation's rows to its cluster."""

from portal.core.errors import StateConflict
from portal.reservations.handover.nodes import Cluster, Node, cluster_of
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import AllocationState


def node_of(allocation: Allocation) -> Node:
    """Return a handed-over server as the kit knows it."""
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
    )


def handed_over(reservation: Reservation) -> Cluster:
    """Return the reservation's servers that are handed over. Raises StateConflict while there are none."""
    serving = reservation.allocations.filter(state=AllocationState.SERVING).select_related(
        "server__server_type", "server__region", "server__fabric", "server__rack"
    )
    nodes = [node_of(allocation) for allocation in serving]
    if not nodes:
        raise StateConflict("No server of this reservation is handed over: there is a kit from the hand-over on.")
    return cluster_of(reservation.public_id, reservation.name, nodes)
