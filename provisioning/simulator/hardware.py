"""Processors, memory and network ports as a BMC lists them (DSP0268), with faults in them.

A collection is expanded where it is asked for, as OpenBMC's bmcweb does it: ``$expand=.($levels=2)``.
"""

import re
from collections.abc import Mapping
from typing import Any

from provisioning.simulator.chassis import Chassis
from provisioning.simulator.faults import Fault

MOST_LEVELS = 2
EXPANDS = {"ExpandAll": False, "Levels": True, "Links": False, "MaxLevels": MOST_LEVELS, "NoLinks": True}
"""What the root of the service says of ``$expand``: ServiceRoot's ProtocolFeaturesSupported.ExpandQuery."""
ECC_ERRORS = 3
"""Errors of a GPU's memory that could not be corrected, where there are any."""
_EXPAND = re.compile(r"\.(?:\(\$levels=([1-9])\))?")
Found = dict[str, Any]


def links_of(machine: Chassis) -> Found:
    """Return the links from a system to what is here."""
    return {name: {"@odata.id": f"{_root(machine)}/{name}"} for name in ("Processors", "Memory", "EthernetInterfaces")}


def resource(machine: Chassis, rest: list[str], asked: Mapping[str, str]) -> Found | None:
    """Return what is at a path below a system, None for what is not here. ``asked`` is the query string.

    Raises ValueError for an $expand that cannot be.
    """
    match rest:
        case ["Systems", ("Processors" | "Memory" | "EthernetInterfaces") as name]:
            levels = _levels(asked.get("$expand"))
            return _collection(machine, name, levels)
        case ["Systems", ("Processors" | "Memory" | "EthernetInterfaces") as name, identity]:
            return _members(machine, name).get(identity)
        case ["Systems", "Memory", identity, "MemoryMetrics"]:
            return _metrics(machine, identity) if identity in _members(machine, "Memory") else None
    return None


def _levels(text: str | None) -> int:
    if text is None:
        return 0
    match = _EXPAND.fullmatch(text)
    levels = int(match[1] or 1) if match else 0
    if not 1 <= levels <= MOST_LEVELS:
        raise ValueError("$expand is out of range")
    return levels


def _root(machine: Chassis) -> str:
    return f"/redfish/v1/Systems/{machine.spec.uuid}"


def _collection(machine: Chassis, name: str, levels: int) -> Found:
    path, members = f"{_root(machine)}/{name}", list(_members(machine, name).values())
    if levels > 1 and name == "Memory":
        members = [member | {"Metrics": _metrics(machine, member["Id"])} for member in members]
    kind = name.removesuffix("s") if name != "Memory" else name
    return {
        "@odata.id": path,
        "@odata.type": f"#{kind}Collection.{kind}Collection",
        "Members": members if levels else [{"@odata.id": member["@odata.id"]} for member in members],
        "Members@odata.count": len(members),
    }


def _members(machine: Chassis, name: str) -> dict[str, Found]:
    make = {"Processors": _processors, "Memory": _memory, "EthernetInterfaces": _interfaces}[name]
    return {
        member["Id"]: {"@odata.id": f"{_root(machine)}/{name}/{member['Id']}", "Name": member["Id"], **member}
        for member in make(machine)
    }


def _processors(machine: Chassis) -> list[Found]:
    spec = machine.spec
    cpu = {"Id": "CPU_0", "ProcessorType": "CPU", "Model": spec.cpu, "Status": _status("Enabled")}
    states = ["Enabled"] * spec.gpu_count
    if machine.wrong(Fault.GPU_MISSING) and states:
        states[-1] = "Absent"
    of_gpus = [
        {"Id": f"GPU_SXM_{number}", "ProcessorType": "GPU", "Model": spec.gpu_model, "Status": _status(state)}
        for number, state in enumerate(states, 1)
    ]
    return [{"@odata.type": "#Processor.v1_18_0.Processor", **one} for one in (cpu, *of_gpus)]


def _status(state: str) -> Found:
    return {"State": state, "Health": "OK" if state == "Enabled" else None}


def _memory(machine: Chassis) -> list[Found]:
    return [
        {
            "@odata.type": "#Memory.v1_20_0.Memory",
            "Id": identity,
            "MemoryDeviceType": "HBM3",
            "Status": _status("Enabled"),
            "Metrics": {"@odata.id": f"{_root(machine)}/Memory/{identity}/MemoryMetrics"},
        }
        for identity in (f"GPU_SXM_{number}_DRAM_0" for number in range(1, machine.spec.gpu_count + 1))
    ]


def _metrics(machine: Chassis, identity: str) -> Found:
    broken = identity.startswith("GPU_SXM_1_") and _has_errors(machine)
    return {
        "@odata.id": f"{_root(machine)}/Memory/{identity}/MemoryMetrics",
        "@odata.type": "#MemoryMetrics.v1_7_0.MemoryMetrics",
        "Id": "MemoryMetrics",
        "Name": f"{identity} Memory Metrics",
        "CurrentPeriod": {"CorrectableECCErrorCount": 0, "UncorrectableECCErrorCount": ECC_ERRORS if broken else 0},
    }


def _has_errors(machine: Chassis) -> bool:
    """Tell whether memory had errors since the last reset, which begins the count anew."""
    if not machine.wrong(Fault.GPU_ECC):
        return False
    return machine.place.faults.since(machine.spec.name) >= machine.setting.reset_at


def _interfaces(machine: Chassis) -> list[Found]:
    status = "LinkDown" if machine.wrong(Fault.LINK_DOWN) else "LinkUp"
    return [
        {
            "@odata.type": "#EthernetInterface.v1_12_0.EthernetInterface",
            "Id": mac,
            "MACAddress": mac,
            "PermanentMACAddress": mac,
            "InterfaceEnabled": True,
            "LinkStatus": status,
            "Status": _status("Enabled"),
        }
        for mac in filter(None, (machine.spec.mac, machine.spec.switched_mac))
    ]
