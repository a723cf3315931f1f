"""A handed-over server as the kit's files know it, and the order in which they list the servers."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

SSH_PORT = 22
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Node:
    """One server. ``memory_gb`` is the type's, in GiB; ``report`` is its acceptance report, None where there is none.

    ``inner_address`` is where the others reach it, "" where that is the same as from outside.
    ``cluster_key`` is the public half of the key that the node made for logging in to the others, "" where it has none.
    """

    server: str
    hostname: str
    address: str
    port: int
    user: str
    host_keys: tuple[str, ...]
    region: str
    fabric: str
    technology: str
    rack: str
    unit: int
    gpu_model: str
    gpu_count: int
    memory_gb: int
    inner_address: str = ""
    cluster_key: str = ""
    report: Mapping[str, Any] | None = None
    checked_at: datetime | None = None


@dataclass(frozen=True)
class Cluster:
    """All servers of one reservation that are handed over, in the order of the fabric.

    ``ends_at`` is when the reservation ends, as far as is known. ``is_on_nodes`` tells the files of the nodes, which
    reach one another, from those of whoever logs in from outside. ``measured`` are the reports on servers together.
    """

    reservation: str
    name: str
    nodes: tuple[Node, ...]
    labels: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    ends_at: datetime | None = None
    is_on_nodes: bool = False
    measured: tuple[Mapping[str, Any], ...] = ()


def cluster_of(
    reservation: str,
    name: str,
    nodes: Iterable[Node],
    ends_at: datetime | None = None,
    measured: Iterable[Mapping[str, Any]] = (),
) -> Cluster:
    """Return the cluster of ``nodes``, sorted by fabric, rack, unit and host name. Raises ValueError on equal names."""
    ordered = tuple(sorted(nodes, key=lambda node: (node.fabric, node.rack, node.unit, node.hostname)))
    if len({node.hostname for node in ordered}) != len(ordered):
        raise ValueError("two servers of a cluster have the same host name")
    return Cluster(reservation, name, ordered, _labels(ordered), ends_at, measured=tuple(measured))


def on_nodes(cluster: Cluster) -> Cluster:
    """Return the cluster as its own servers see it: each under the address at which the others reach it.

    They are given their files before anything is measured between them, so these never say what was.
    """
    seen = (
        replace(node, address=node.inner_address, port=SSH_PORT) if node.inner_address else node
        for node in cluster.nodes
    )
    return replace(cluster, nodes=tuple(seen), is_on_nodes=True, measured=())


def _labels(nodes: Iterable[Node]) -> dict[tuple[str, ...], str]:
    """Return a name for each fabric, and for each of its racks, that every format takes; no two are the same."""
    found: dict[tuple[str, ...], str] = {}
    for node in nodes:
        for place in ((node.fabric,), (node.fabric, node.rack)):
            if place not in found:
                kind = "fabric" if len(place) == 1 else "rack"
                stem = "_".join([kind, *(_NOT_IN_NAMES.sub("_", part.lower()).strip("_") or "x" for part in place)])
                taken = set(found.values())
                found[place] = next(name for name in _numbered(stem) if name not in taken)
    return found


def _numbered(stem: str) -> Iterable[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}_{number}"
        number += 1
