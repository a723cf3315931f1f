"""Which machines there are: read from a file that is written by whoever owns the fleet."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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
    ssh_host: str
    ssh_port: int
    gpu_model: str
    gpu_count: int
    cpu: str
    memory_gb: int


@dataclass(frozen=True)
class Fleet:
    """All machines, and where their BMCs are reached."""

    host: str
    port: int
    cert: Path
    key: Path
    timings: Timings
    specs: list[Spec] = field(default_factory=list)


def _pick(kind: type[Any], data: dict[str, Any]) -> Any:
    return kind(**{name: data[name] for name in kind.__dataclass_fields__ if name in data})


def load(path: Path) -> Fleet:
    """Read a fleet file. Raises ValueError with the reason when it is not one."""
    try:
        data = json.loads(path.read_text())
        bmc = data["bmc"]
        return Fleet(
            host=str(bmc["host"]),
            port=int(bmc["port"]),
            cert=Path(bmc["cert"]),
            key=Path(bmc["key"]),
            timings=_pick(Timings, data.get("timings", {})),
            specs=[_pick(Spec, entry) for entry in data["servers"]],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a fleet file: {type(error).__name__} {error}") from error
