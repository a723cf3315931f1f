"""From a reservation's rows to its cluster."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from portal.core.errors import StateConflict
from portal.fleet.models import Server
from portal.fleet.selectors import inner_addresses
from portal.operations.models import AcceptanceReport, OperationServer
from portal.operations.selectors import acceptance_of, cluster_keys_of, cluster_reports_of
from portal.reservations.handover.nodes import Cluster, Node, cluster_of
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import AllocationState

WITH_SERVER = ("server_type", "region", "fabric", "rack")


def node_of(
    allocation: Allocation, report: AcceptanceReport | None, inner_address: str = "", cluster_key: str = ""
) -> Node:
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
    serving = list(_serving(reservation))
    if not serving:
        raise StateConflict("No server of this reservation is handed over: there is a kit from the hand-over on.")
    return cluster_with(reservation, serving)


def once_handed_over(reservation: Reservation) -> Cluster:
    """Return the servers that were handed over, also when they are taken back: for what tells of that time.

    Raises StateConflict while there were none.
    """
    servers = reservation.allocations.exclude(ready_at=None)
    found = list(servers.select_related(*(f"server__{name}" for name in WITH_SERVER)))
    if not found:
        raise StateConflict("No server of this reservation was handed over: there is a report from the hand-over on.")
    return cluster_with(reservation, found)


def _serving(reservation: Reservation) -> QuerySet[Allocation]:
    serving = reservation.allocations.filter(state=AllocationState.SERVING)
    return serving.select_related(*(f"server__{name}" for name in WITH_SERVER))


def being_handed_over(parts: Sequence[OperationServer]) -> Cluster:
    """Return the cluster as it is to be once ``parts``, all of one operation, are handed over.

    Beside their servers it has those that the reservation holds already; an operation for none has its own only.
    """
    operation = parts[0].operation
    user = operation.image.default_user if operation.image else ""
    servers = Server.objects.select_related(*WITH_SERVER).in_bulk([part.server_id for part in parts])
    to_come = [
        Allocation(server=servers[part.server_id], hostname=part.hostname, ssh_user=user, host_keys=part.host_keys)
        for part in parts
    ]
    reservation = Reservation.objects.filter(public_id=operation.subject).first()
    if reservation is None:
        return cluster_of(operation.public_id, operation.public_id, _nodes(operation.subject, to_come))
    return cluster_with(reservation, [*_serving(reservation).exclude(server__in=list(servers)), *to_come])


def cluster_with(reservation: Reservation, serving: Sequence[Allocation]) -> Cluster:
    """Return the cluster of servers that are handed over, read with what they refer to."""
    nodes = _nodes(reservation.public_id, serving)
    measured = measured_between(reservation.public_id, nodes)
    return cluster_of(reservation.public_id, reservation.name, nodes, reservation.span.end, measured)


def checked_cluster(reservation: Reservation, serving: Iterable[Allocation]) -> Cluster:
    """Return the same for who asks only what was checked: without inner addresses and the servers' own keys."""
    reports = acceptance_of(reservation.public_id)
    nodes = [node_of(item, reports.get(item.server_id)) for item in serving]
    measured = measured_between(reservation.public_id, nodes)
    return cluster_of(reservation.public_id, reservation.name, nodes, reservation.span.end, measured)


def measured_between(subject: str, nodes: Iterable[Node]) -> list[Mapping[str, Any]]:
    """Return the reports on servers together that still tell of one of ``nodes`` what no later one does, in order."""
    found: list[Mapping[str, Any]] = []
    left = {node.server for node in nodes}
    for report in cluster_reports_of(subject):
        if not left.isdisjoint(report.document["servers"]):
            found.append({**report.document, "at": report.at})
            left.difference_update(report.document["servers"])
    return found[::-1]


def _nodes(subject: str, allocations: Sequence[Allocation]) -> list[Node]:
    reports, keys = acceptance_of(subject), cluster_keys_of(subject)
    inner = inner_addresses(item.server_id for item in allocations)
    return [
        node_of(item, reports.get(item.server_id), inner.get(item.server_id, ""), keys.get(item.server_id, ""))
        for item in allocations
    ]
