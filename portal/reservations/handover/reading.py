"""From a reservation's rows to its cluster."""

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Q, QuerySet

from portal.core.errors import StateConflict
from portal.fleet.selectors import inner_addresses
from portal.operations.models import AcceptanceReport, OperationServer
from portal.operations.selectors import acceptance_of, cluster_keys_of
from portal.reservations.handover.nodes import Cluster, Node, cluster_of
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import AllocationState


def node_of(allocation: Allocation, report: AcceptanceReport | None, inner_address: str, cluster_key: str) -> Node:
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
        inner_address=inner_address,
        cluster_key=cluster_key,
        report=report.document if report else None,
        checked_at=report.at if report else None,
    )


def handed_over(reservation: Reservation) -> Cluster:
    """Return the reservation's servers that are handed over. Raises StateConflict while there are none."""
    serving = _whole(reservation.allocations.filter(state=AllocationState.SERVING))
    if not serving:
        raise StateConflict("No server of this reservation is handed over: there is a kit from the hand-over on.")
    return cluster_with(reservation, serving)


def _whole(allocations: QuerySet[Allocation]) -> QuerySet[Allocation]:
    return allocations.select_related("server__server_type", "server__region", "server__fabric", "server__rack")


def being_handed_over(parts: Sequence[OperationServer]) -> Cluster:
    """Return the cluster as it is to be once ``parts``, all of one operation for a reservation, are handed over.

    How to log in to their servers is what the parts say; beside them it has those that are handed over already.
    """
    operation = parts[0].operation
    reservation = Reservation.objects.get(public_id=operation.subject)
    by_server = {part.server_id: part for part in parts}
    to_come = Q(state=AllocationState.BOOKED, server__in=list(by_server))
    found = _whole(reservation.allocations.filter(Q(state=AllocationState.SERVING) | to_come))
    for allocation in found:
        if part := by_server.get(allocation.server_id):
            allocation.host_keys = part.host_keys
            allocation.ssh_user = operation.image.default_user if operation.image else ""
    return cluster_with(reservation, found)


def cluster_with(reservation: Reservation, serving: Iterable[Allocation]) -> Cluster:
    """Return the cluster of servers that are handed over, read with what they refer to."""
    allocations = list(serving)
    inner = inner_addresses(allocation.server_id for allocation in allocations)
    return _cluster(reservation, allocations, inner, cluster_keys_of(reservation.public_id))


def checked_cluster(reservation: Reservation, serving: Iterable[Allocation]) -> Cluster:
    """Return the same for who asks only what was checked: without inner addresses and the servers' own keys."""
    return _cluster(reservation, serving, {}, {})


def _cluster(
    reservation: Reservation, allocations: Iterable[Allocation], inner: Mapping[int, str], keys: Mapping[int, str]
) -> Cluster:
    reports = acceptance_of(reservation.public_id)
    nodes = [
        node_of(item, reports.get(item.server_id), inner.get(item.server_id, ""), keys.get(item.server_id, ""))
        for item in allocations
    ]
    return cluster_of(reservation.public_id, reservation.name, nodes, reservation.span.end)
