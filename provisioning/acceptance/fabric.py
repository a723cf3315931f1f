"""``ibstat`` (infiniband-diags), ``dcgmi diag -j`` and ``lsblk --json``."""

import json
import re
from dataclasses import dataclass

from provisioning.acceptance.collected import Unreadable, printable

_ADAPTER = re.compile(r"^CA '([^']{1,40})'", re.MULTILINE)
_PORT = re.compile(r"^\s*Port \d+:", re.MULTILINE)
_FIELD = re.compile(r"^\s*(State|Physical state|Rate|Link layer): ?(.{0,40})$", re.MULTILINE)
SKIPPED = ("SKIP", "NOT RUN")
GOOD = ("PASS", *SKIPPED)
"""How DCGM says that a test found nothing wrong; levels that are not asked for are skipped."""


@dataclass(frozen=True)
class Port:
    """One port of an adapter; ``rate_gbps`` is the rate of its link, 0 where it says none."""

    adapter: str
    is_up: bool
    rate_gbps: int


def read_ports(text: str) -> tuple[Port, ...]:
    """Read ibstat's list. Raises Unreadable where it names no adapter."""
    adapters = list(_ADAPTER.finditer(text))
    if not adapters:
        raise Unreadable("it names no adapter")
    ends = [adapter.start() for adapter in adapters[1:]] + [len(text)]
    found = []
    for adapter, end in zip(adapters, ends, strict=True):
        for block in _PORT.split(text[adapter.end() : end])[1:]:
            fields = dict(_FIELD.findall(block))
            up = fields.get("State", "").strip() == "Active" and fields.get("Physical state", "").strip() == "LinkUp"
            rate = fields.get("Rate", "").strip()
            found.append(Port(adapter[1], up, int(rate) if re.fullmatch(r"[0-9]{1,6}", rate) else 0))
    return tuple(found)


def read_diagnostic(text: str) -> dict[str, str]:
    """Return the tests of a DCGM diagnostic that failed, each with how. Raises Unreadable.

    The form is that of DCGM 3 (``DCGM GPU Diagnostic``) and 4 (``DCGM Diagnostic``): NVIDIA publishes no stable schema.
    """
    start = text.find("{")
    try:
        document = json.loads(text[start:] if start >= 0 else "")
        root = next(document[key] for key in ("DCGM GPU Diagnostic", "DCGM Diagnostic") if key in document)
        tests = [test for category in root["test_categories"] for test in category["tests"] if test is not None]
        results = [(test["name"], result["status"]) for test in tests for result in test["results"]]
    except (ValueError, RecursionError, StopIteration, KeyError, TypeError) as error:
        raise Unreadable("it is no diagnostic of DCGM") from error
    if all(str(how).upper() in SKIPPED for _name, how in results):
        raise Unreadable("no test was run")
    return {printable(name, 60): printable(how, 40) for name, how in results if str(how).upper() not in GOOD}


def read_serials(text: str) -> frozenset[str]:
    """Return the serial numbers of the drives in lsblk's list. Raises Unreadable."""
    try:
        return frozenset(str(drive["serial"]).strip() for drive in json.loads(text)["blockdevices"] if drive["serial"])
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise Unreadable("it is no list of drives") from error
