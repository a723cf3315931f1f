"""Reading of a BMC what a tenancy is promised beside power: GPUs, their errors, links. Nothing here writes to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.sla.definitions import Condition, Kind
from provisioning import hardware
from provisioning.hardware import Seen
from provisioning.host_logger import Unreadable
from provisioning.redfish import Asking, OutOfTime, Resource

BASEBOARD = "HGX_Baseboard_0"
"""The system under which NVIDIA's BMCs list GPUs where they are not among the processors of the server's own."""
MOST_ENTRIES = 200
"""So many of the newest entries of the event log are read where it comes in pages."""
SLOW = (Kind.GPU_COUNT, Kind.XID_ECC, Kind.LINK)


@dataclass(frozen=True)
class Watched:
    """What is known of a server before its BMC is asked. ``since`` is when errors begin to count."""

    system: str
    gpu_count: int
    macs: Sequence[str]
    since: datetime


def watch(asking: Asking, server: Watched) -> dict[Kind, Seen]:
    """Return what a BMC says of a server that is on; without the kinds that there was no time for."""
    seen: dict[Kind, Seen] = {}
    try:
        levels = asking.levels()
        base, processors = _processors(asking, server, levels)
        seen[Kind.GPU_COUNT] = hardware.gpus(processors, server.gpu_count)
        memory = _members(asking, f"{base}/Memory", 2) if levels >= 2 else []
        seen[Kind.XID_ECC] = hardware.errors(_entries(asking, base), memory, server.since)
        interfaces = _members(asking, f"{_path(server.system)}/EthernetInterfaces", min(levels, 1))
        seen[Kind.LINK] = hardware.links(interfaces, server.macs)
    except OutOfTime:
        pass
    return seen


def _path(system: str) -> str:
    return f"/redfish/v1/Systems/{system}"


def _processors(asking: Asking, server: Watched, levels: int) -> tuple[str, list[Resource]]:
    """Return the path of the system that lists GPUs, and its processors; that of the server where none does."""
    for base in (_path(server.system), _path(BASEBOARD)):
        found = _members(asking, f"{base}/Processors", min(levels, 1))
        if hardware.gpus(found, server.gpu_count)[0] != Condition.UNKNOWN:
            return base, found
    return _path(server.system), []


def _members(asking: Asking, path: str, levels: int) -> list[Resource]:
    """Return the members of a collection, none where the BMC does not give it."""
    try:
        return asking.members(path, levels)
    except Unreadable:
        return []


def _entries(asking: Asking, base: str) -> list[Resource] | None:
    """Return the newest entries of a system's event log, None where it cannot be read."""
    path = f"{base}/LogServices/EventLog/Entries"
    try:
        page = asking.get(path)
        count, more = page.get("Members@odata.count"), page.get("Members@odata.nextLink")
        if more is not None and type(count) is int and count > 0:
            page = asking.get(f"{path}?$skip={max(0, count - MOST_ENTRIES)}&$top={MOST_ENTRIES}")
    except Unreadable:
        return None
    found = page.get("Members")
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else None
