"""A BMC's event log (DSP0268, LogService): what happened to its server. Here, an Xid that NVIDIA's driver reported.

The entry has the form that nsmd gives it on HGX boards: https://github.com/NVIDIA/nsmd (umbriel_gpu_chassis.json).
"""

from datetime import UTC, datetime
from typing import Any

from provisioning.simulator.chassis import Chassis
from provisioning.simulator.faults import Fault

NAME = "EventLog"
XID = 79


def resource(machine: Chassis, shelf: str, rest: list[str]) -> dict[str, Any] | None:
    """Return what is at a path below a system whose logs are at ``shelf``, None for what is not about this log."""
    path = f"{shelf}/{NAME}"
    match rest:
        case ["Systems", "LogServices", name] if name == NAME:
            return {
                "@odata.id": path,
                "@odata.type": "#LogService.v1_2_0.LogService",
                "Id": NAME,
                "Name": "Event Log Service",
                "Entries": {"@odata.id": f"{path}/Entries"},
            }
        case ["Systems", "LogServices", name, "Entries"] if name == NAME:
            entries = _entries(machine, f"{path}/Entries")
            return {
                "@odata.id": f"{path}/Entries",
                "@odata.type": "#LogEntryCollection.LogEntryCollection",
                "Name": "System Event Log Entries",
                "Members": entries,
                "Members@odata.count": len(entries),
            }
    return None


def _entries(machine: Chassis, path: str) -> list[dict[str, Any]]:
    try:
        since = machine.place.faults.since(machine.spec.name)
    except OSError:
        return []
    if not machine.wrong(Fault.GPU_XID):
        return []
    arguments = ["GPU_SXM_1 Driver Event Message", f"[{int(since)}][1][0] XID {XID} GPU has fallen off the bus."]
    message = f"The resource property '{arguments[0]}' has detected errors of type '{arguments[1]}'."
    return [
        {
            "@odata.id": f"{path}/1",
            "@odata.type": "#LogEntry.v1_15_0.LogEntry",
            "Id": "1",
            "Name": "System Event Log Entry",
            "EntryType": "Event",
            "Created": datetime.fromtimestamp(since, UTC).isoformat(timespec="milliseconds"),
            "Severity": "Critical",
            "Resolved": False,
            "MessageId": "ResourceEvent.1.0.ResourceErrorsDetected",
            "MessageArgs": arguments,
            "Message": message,
        }
    ]
