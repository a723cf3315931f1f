"""Which machines there are: read from a file that is written by whoever owns the fleet."""

import json
import math
import re
from collections import Counter
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from provisioning.simulator.disk import SEED_BYTES

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_PORT = re.compile(r"[A-Za-z0-9][A-Za-z0-9./:_-]{0,39}")
_KINDS = {str: "a text", int: "a whole number", float: "a number", Path: "a text"}


EMULATED, QEMU = "emulated", "qemu"
KINDS = (EMULATED, QEMU)
VLANS = range(2, 4095)
"""1 is what unconfigured ports are in; 0 and 4095 are reserved (IEEE 802.1Q, table 9-2)."""


@dataclass(frozen=True)
class Timings:
    """How long machines take for things, in seconds."""

    power_on_s: float = 0.2
    image_min_s: float = 0.5
    boot_s: float = 0.3
    erase_min_s: float = 0.5


@dataclass(frozen=True)
class Spec:
    """One machine as it was built."""

    name: str
    uuid: str
    serial: str
    model: str
    bmc_user: str
    bmc_password_sha256: str
    mac: str
    disk_bytes: int
    drive_serial: str
    drive_model: str
    drive_firmware: str
    ssh_host: str
    ssh_port: int
    gpu_model: str
    gpu_count: int
    cpu: str
    memory_gb: int
    kind: str = EMULATED
    tap: str = ""
    """Interface that a virtual machine's port is plugged into; empty for a network of its own with nothing in it."""
    netns: str = ""
    """Network namespace in which that interface is."""
    switch: str = ""
    """Emulated switch that the machine hangs on; empty for a machine that reaches the portal whatever happens."""
    port: str = ""
    """The machine's port on that switch, as the switch calls it."""
    switched_mac: str = ""
    """Of the second card, which a virtual machine on a switch has for that; empty for every other machine."""


@dataclass(frozen=True)
class Switch:
    """One emulated switch, and the login that opens it."""

    name: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Guests:
    """The one address that virtual machines on networks of their own reach: the portal's, as this host reaches it."""

    portal_host: str
    portal_port: int


@dataclass(frozen=True)
class Fleet:
    """All machines, and where their BMCs are reached."""

    host: str
    port: int
    cert: Path
    key: Path
    timings: Timings
    specs: list[Spec] = field(default_factory=list)
    guests: Guests | None = None
    switches: list[Switch] = field(default_factory=list)
    agent_vlans: frozenset[int] = frozenset()
    """VLANs from which network boots reach the portal: those of the provisioning and the cleaning network."""


def load(path: Path) -> Fleet:
    """Read a fleet file. Raises ValueError that says in one line what is wrong with it."""
    try:
        data = json.loads(path.read_text())
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    try:
        return _fleet(_object(data, "the file"))
    except ValueError as error:
        raise ValueError(f"{path} is not a fleet file: {error}") from None


def _fleet(data: dict[str, Any]) -> Fleet:
    bmc = _values(_object(data.get("bmc"), "bmc"), {"host": str, "port": int, "cert": Path, "key": Path}, "bmc")
    _require_port(bmc["port"], "bmc.port")
    given = _object(data.get("timings", {}), "timings")
    timings = Timings(**_values(given, {item.name: float for item in fields(Timings)}, "timings", optional=True))
    guests = _guests(data)
    servers = data.get("servers")
    if not isinstance(servers, list):
        raise ValueError("servers must be a list")
    specs = [_spec(entry, f"servers[{number}]") for number, entry in enumerate(servers)]
    for what, values in {
        "name": [spec.name for spec in specs],
        "uuid": [spec.uuid for spec in specs],
        "ssh address": [f"{spec.ssh_host}:{spec.ssh_port}" for spec in specs],
        "port": [f"{spec.port} of {spec.switch}" for spec in specs if spec.switch],
    }.items():
        if twice := _twice(values):
            raise ValueError(f"two servers have the {what} {twice}")
    switches = _switches(data, specs)
    return Fleet(**bmc, timings=timings, specs=specs, guests=guests, switches=switches, agent_vlans=_agent_vlans(data))


def _twice(values: list[str]) -> str:
    """Return a value that is there more than once; nothing when there is none."""
    return next((value for value, count in Counter(values).items() if count > 1), "")


def _switches(data: dict[str, Any], specs: list[Spec]) -> list[Switch]:
    entries = data.get("switches", [])
    if not isinstance(entries, list):
        raise ValueError("switches must be a list")
    kinds: dict[str, type] = {"name": str, "user": str, "password": str}
    switches = []
    for number, entry in enumerate(entries):
        where = f"switches[{number}]"
        switch = Switch(**_values(_object(entry, where), kinds, where))
        if not _NAME.fullmatch(switch.name):
            raise ValueError(f"{where}.name must be letters, digits, dots, hyphens and underscores")
        if not (switch.user and switch.password):
            raise ValueError(f"{where} must have a user and a password")
        switches.append(switch)
    if twice := _twice([switch.name for switch in switches]):
        raise ValueError(f"two switches have the name {twice}")
    known = {switch.name for switch in switches}
    for number, spec in enumerate(specs):
        if spec.switch and spec.switch not in known:
            raise ValueError(f"servers[{number}].switch: there is no switch {spec.switch}")
    return switches


def _agent_vlans(data: dict[str, Any]) -> frozenset[int]:
    found = data.get("agent_vlans", [])
    if not isinstance(found, list) or not all(is_vlan(vlan) for vlan in found):
        raise ValueError(f"agent_vlans must be a list of numbers from {VLANS.start} to {VLANS[-1]}")
    return frozenset(found)


def is_vlan(value: Any) -> bool:
    """Tell whether a value from outside is the number of a VLAN that ports can be put in."""
    return type(value) is int and value in VLANS


def _guests(data: dict[str, Any]) -> Guests | None:
    if "guests" not in data:
        return None
    found = _values(_object(data["guests"], "guests"), {"portal_host": str, "portal_port": int}, "guests")
    _require_port(found["portal_port"], "guests.portal_port")
    return Guests(**found)


def _spec(entry: Any, where: str) -> Spec:
    given = _object(entry, where)
    kinds = {item.name: item.type for item in fields(Spec) if isinstance(item.type, type)}
    optional = {item.name: kinds[item.name] for item in fields(Spec) if item.default is not MISSING}
    needed = {name: kind for name, kind in kinds.items() if name not in optional}
    spec = Spec(**_values(given, needed, where), **_values(given, optional, where, optional=True))
    if spec.kind not in KINDS:
        raise ValueError(f"{where}.kind must be {' or '.join(KINDS)}")
    if not _NAME.fullmatch(spec.name):
        raise ValueError(f"{where}.name must be letters, digits, dots, hyphens and underscores")
    if spec.disk_bytes < SEED_BYTES:
        raise ValueError(f"{where}.disk_bytes must be at least {SEED_BYTES}")
    _require_port(spec.ssh_port, f"{where}.ssh_port")
    if bool(spec.switch) != bool(spec.port):
        raise ValueError(f"{where} must have both switch and port, or neither")
    if spec.port and not _PORT.fullmatch(spec.port):
        raise ValueError(f"{where}.port must be letters, digits and ./:_-")
    if not _MAC.fullmatch(spec.switched_mac) if spec.kind == QEMU and spec.switch else spec.switched_mac:
        raise ValueError(f"{where}.switched_mac must be a MAC address where a machine of the kind {QEMU} has a port")
    return spec


def _values(data: dict[str, Any], kinds: dict[str, type], where: str, *, optional: bool = False) -> dict[str, Any]:
    """Return the named values of ``data``, each of its kind. Raises ValueError."""
    found = {}
    for name, kind in kinds.items():
        value = data.get(name, MISSING)
        if value is MISSING and optional:
            continue
        if not _is_a(kind, value):
            raise ValueError(f"{where}.{name} must be {_KINDS[kind]}")
        found[name] = kind(value)
    return found


def _is_a(kind: type, value: Any) -> bool:
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value) and value >= 0
    return type(value) is (str if kind is Path else kind)


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} must be an object")
    return value


def _require_port(value: int, where: str) -> None:
    if not 0 < value < 65536:
        raise ValueError(f"{where} must be between 1 and 65535")
