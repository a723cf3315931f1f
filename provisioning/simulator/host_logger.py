"""The logs of a system at its BMC. That of the serial console has the form of OpenBMC's bmcweb: an entry for a line.

See https://github.com/openbmc/bmcweb/blob/master/redfish-core/lib/systems_logservices_hostlogger.hpp
"""

from collections.abc import Mapping
from typing import Any

from provisioning.simulator import event_log
from provisioning.simulator.chassis import Chassis

MOST_ENTRIES = 1000
"""Most entries that one answer holds."""
_NAME = "HostLogger"


def shelf_of(machine: Chassis) -> str:
    """Return the path of the collection of a system's logs."""
    return f"/redfish/v1/Systems/{machine.spec.uuid}/LogServices"


def resource(machine: Chassis, rest: list[str], asked: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what is at a path below a system, None when that is not about its logs, or there is no such entry.

    ``asked`` is the query string. Raises ValueError for a $skip or $top that cannot be.
    """
    path = f"{shelf_of(machine)}/{_NAME}"
    match rest:
        case ["Systems", "LogServices"]:
            return {
                "@odata.id": shelf_of(machine),
                "@odata.type": "#LogServiceCollection.LogServiceCollection",
                "Members": [{"@odata.id": f"{shelf_of(machine)}/{name}"} for name in (_NAME, event_log.NAME)],
                "Members@odata.count": 2,
            }
        case ["Systems", "LogServices", name] if name == _NAME:
            return {
                "@odata.id": path,
                "@odata.type": "#LogService.v1_2_0.LogService",
                "Id": _NAME,
                "Name": "Host Logger Service",
                "Entries": {"@odata.id": f"{path}/Entries"},
            }
        case ["Systems", "LogServices", name, "Entries"] if name == _NAME:
            skip = _number(asked, "$skip", 0, range(1 << 53))
            top = _number(asked, "$top", MOST_ENTRIES, range(1, MOST_ENTRIES + 1))
            return _page(f"{path}/Entries", _lines(machine), skip, top)
        case ["Systems", "LogServices", name, "Entries", number] if name == _NAME and number.isdecimal():
            found = _lines(machine)[int(number) :][:1]
            return _entry(f"{path}/Entries", int(number), found[0]) if found else None
    return event_log.resource(machine, shelf_of(machine), rest)


def _number(asked: Mapping[str, str], name: str, default: int, allowed: range) -> int:
    given = asked.get(name, str(default))
    if not given.isdecimal() or int(given) not in allowed:
        raise ValueError(f"{name} is out of range")
    return int(given)


def _lines(machine: Chassis) -> list[str]:
    """Return the whole lines that the console's file holds now; one that is not ended yet is not among them."""
    try:
        text = machine.journal.path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line.removesuffix("\r") for line in text.split("\n")[:-1]]


def _page(path: str, lines: list[str], skip: int, top: int) -> dict[str, Any]:
    shown = [_entry(path, number, line) for number, line in enumerate(lines[skip : skip + top], skip)]
    more = {"Members@odata.nextLink": f"{path}?$skip={skip + top}"} if skip + top < len(lines) else {}
    return {
        "@odata.id": path,
        "@odata.type": "#LogEntryCollection.LogEntryCollection",
        "Name": "HostLogger Entries",
        "Members": shown,
        "Members@odata.count": len(lines),
        **more,
    }


def _entry(path: str, number: int, line: str) -> dict[str, Any]:
    return {
        "@odata.id": f"{path}/{number}",
        "@odata.type": "#LogEntry.v1_9_0.LogEntry",
        "Id": str(number),
        "Name": "Host Logger Entry",
        "EntryType": "Oem",
        "OemRecordFormat": "Host Logger Entry",
        "Severity": "OK",
        "Message": line,
    }
