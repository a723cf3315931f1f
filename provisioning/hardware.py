"""What a BMC says of a server's hardware, judged: GPUs, their errors, its links. What it does not say is unknown.

The properties are DMTF's (DSP0268: Processor, MemoryMetrics, LogEntry, EthernetInterface). An Xid is an entry of the
event log in one of the two forms that NVIDIA's nsmd gives it: ``XID 79 ...`` in the arguments of
``ResourceEvent.ResourceErrorsDetected`` (its example/umbriel_gpu_chassis.json, for HGX), or
``NVIDIAGPUDiagnostics.XIDError``, whose third argument is the number.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from portal.core import clock
from portal.sla.definitions import Condition
from provisioning.redfish import Resource, part
from provisioning.xids import FATAL_XIDS

Seen = tuple[Condition, str]
AWAY = ("Absent", "Disabled", "StandbyOffline", "UnavailableOffline")
"""Values of Status.State with which a GPU cannot be used; one that starts or is tested is not among them."""
NO_LINK = ("LinkDown", "NoLink")
_XID = re.compile(r"\bXID (\d{1,4})\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,4}")


def gpus(processors: Sequence[Resource], expected: int) -> Seen:
    """Return whether all ``expected`` GPUs can be used."""
    listed = [one for one in processors if one.get("ProcessorType") == "GPU"]
    if not listed:
        return Condition.UNKNOWN, "the BMC lists no GPUs"
    usable = [one for one in listed if not _is_lost(part(one, "Status"))]
    if len(usable) < expected:
        return Condition.DOWN, f"{len(usable)} of {expected} GPUs"
    return Condition.UP, ""


def _is_lost(status: Resource) -> bool:
    return status.get("State") in AWAY or status.get("Health") == "Critical"


def errors(entries: Sequence[Resource] | None, memory: Sequence[Resource], since: datetime) -> Seen:
    """Return whether there was a fatal error after ``since``, or one of memory since the system was last reset.

    ``entries`` is the event log, None where it cannot be read; ``memory`` is that of the system and of its GPUs, with
    metrics in it as far as the BMC gave them.
    """
    for entry in entries or ():
        number = _xid_of(entry)
        if number in FATAL_XIDS and not entry.get("Resolved") and _is_after(entry.get("Created"), since):
            return Condition.DOWN, f"Xid {number}: {FATAL_XIDS[number]}"
    counts = [(one.get("Id"), _uncorrectable(one)) for one in memory]
    broken = [(name, count) for name, count in counts if count]
    if broken:
        name, count = broken[0]
        return Condition.DOWN, f"{count} uncorrectable ECC errors of {str(name)[:60]}"
    if entries is None and not any(count is not None for _, count in counts):
        return Condition.UNKNOWN, "the BMC tells of no errors, and of no lack of them"
    return Condition.UP, ""


def _uncorrectable(memory: Resource) -> int | None:
    count = part(memory, "Metrics", "CurrentPeriod").get("UncorrectableECCErrorCount")
    return count if type(count) is int and count >= 0 else None


def _xid_of(entry: Resource) -> int | None:
    """Return the number of the Xid that an entry tells of, None for every other entry."""
    arguments = entry.get("MessageArgs")
    words = [word for word in arguments if isinstance(word, str)] if isinstance(arguments, list) else []
    kind = str(entry.get("MessageId", "")).rpartition(".")[2]
    if kind == "XIDError":
        found = _NUMBER.fullmatch(words[2].strip()) if len(words) > 2 else None
        return int(found[0]) if found else None
    if kind == "ResourceErrorsDetected":
        match = next(filter(None, map(_XID.search, words)), None)
        return int(match[1]) if match else None
    return None


def _is_after(created: Any, since: datetime) -> bool:
    moment = moment_of(created)
    return moment is not None and moment >= since


def moment_of(text: Any) -> datetime | None:
    """Return the instant that a BMC writes (RFC 3339, with an offset), None for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None


def begin_of(handed_over: datetime | None, system: Resource) -> datetime:
    """Return since when errors count: from the hand-over, or the last reset after it, which began anew."""
    begin = handed_over or clock.now()
    reset = moment_of(system.get("LastResetTime"))
    return max(begin, reset) if reset is not None else begin


def links(interfaces: Sequence[Resource], macs: Sequence[str]) -> Seen:
    """Return whether the ports that we know of a server, by ``macs``, have a link. Those that are off are left out."""
    known = {mac.lower() for mac in macs}
    ours = [one for one in interfaces if known & {str(one.get(name)).lower() for name in ADDRESSES}]
    told = [one for one in ours if one.get("InterfaceEnabled") is not False and isinstance(one.get("LinkStatus"), str)]
    lost = [one for one in told if one["LinkStatus"] in NO_LINK]
    if lost:
        return Condition.DOWN, f"{lost[0]['LinkStatus']} at {str(lost[0].get('MACAddress'))[:40]}"
    if not any(one["LinkStatus"] == "LinkUp" for one in told):
        return Condition.UNKNOWN, "the BMC says nothing of the links"
    return Condition.UP, ""


ADDRESSES = ("MACAddress", "PermanentMACAddress")
"""What tells an interface: a tenant may give it another address than it was made with."""
