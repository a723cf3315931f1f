"""The verdict: a table of checks, each of what a server said against what its type promises."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from provisioning.acceptance.collected import Collected, Output, Unreadable, printable
from provisioning.acceptance.fabric import read_diagnostic, read_ports, read_serials
from provisioning.acceptance.smi import read_gpus, read_links

PASSED, FAILED, NOT_RUN, TEST_DOUBLE = "passed", "failed", "not_run", "test_double"
MOST_CLOCK_OFFSET_S = 2.0


@dataclass(frozen=True)
class Reference:
    """What a server of a type must be. What is 0 or empty is not promised, and its check does not run.

    ``is_emulated``: the servers have no GPUs of their own, so test doubles may stand in; of no other type may they.
    ``link_rate_gbps`` and ``ports`` are of the fabric's adapters, ``nvlinks`` are those between any two GPUs.
    """

    gpu_model: str
    gpu_count: int
    is_emulated: bool
    driver: str = ""
    nvlinks: int = 0
    ports: int = 0
    link_rate_gbps: int = 0
    drives: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True)
class Check:
    """One check: what was expected, what was found, and how it ended."""

    name: str
    expected: str
    found: str
    result: str


@dataclass(frozen=True)
class Rule:
    """How one thing is checked: the tool that tells it, what is expected, and what the tool's text says.

    ``judge`` returns what was found and whether that is right; it raises Unreadable.
    """

    name: str
    failure: str
    tool: str
    expected: Callable[[Reference], str]
    judge: Callable[[str, Reference], tuple[str, bool]]


def _models(text: str, reference: Reference) -> tuple[str, bool]:
    models = [gpu.model for gpu in read_gpus(text).gpus]
    wanted = [reference.gpu_model] * reference.gpu_count
    return f"{len(models)} x {', '.join(sorted(set(models))) or 'none'}", models == wanted


def _ecc(text: str, _reference: Reference) -> tuple[str, bool]:
    counts = [gpu.uncorrectable for gpu in read_gpus(text).gpus]
    if not counts or None in counts:
        return "ECC is off or not reported", False
    return str(sum(count or 0 for count in counts)), not any(counts)


def _driver(text: str, reference: Reference) -> tuple[str, bool]:
    found = read_gpus(text).driver
    return found or "none", found == reference.driver


def _nvlinks(text: str, reference: Reference) -> tuple[str, bool]:
    links = read_links(text)
    least = min(links.values(), default=0)
    return str(least), least >= reference.nvlinks


def _ports(text: str, reference: Reference) -> tuple[str, bool]:
    ports = read_ports(text)
    good = [port for port in ports if port.is_up and port.rate_gbps >= reference.link_rate_gbps]
    return f"{len(good)} of {len(ports)} ports", len(good) >= reference.ports


def _diagnostic(text: str, _reference: Reference) -> tuple[str, bool]:
    failed = read_diagnostic(text)
    return ", ".join(f"{name}: {how}" for name, how in failed.items()) or "all passed", not failed


def _drives(text: str, reference: Reference) -> tuple[str, bool]:
    found = read_serials(text)
    missing = [serial for serial in reference.drives if serial not in found]
    return f"missing: {', '.join(missing)}" if missing else "all", not missing


RULES = (
    Rule("gpus", "gpu_missing", "nvidia_smi", lambda want: f"{want.gpu_count} x {want.gpu_model}", _models),
    Rule("ecc_uncorrectable", "gpu_unhealthy", "nvidia_smi", lambda _want: "0", _ecc),
    Rule("driver", "driver_wrong", "nvidia_smi", lambda want: want.driver, _driver),
    Rule("nvlink", "nvlink_down", "nvidia_topology", lambda want: f"{want.nvlinks}" if want.nvlinks else "", _nvlinks),
    Rule("gpu_diagnostic", "gpu_unhealthy", "dcgm", lambda _want: "all passed", _diagnostic),
    Rule(
        "fabric_links",
        "link_down",
        "ibstat",
        lambda want: f"{want.ports} ports at {want.link_rate_gbps} Gb/s" if want.ports else "",
        _ports,
    ),
    Rule("drives", "drive_missing", "drives", lambda want: ", ".join(want.drives), _drives),
)
CLOCK, CLOCK_FAILURE = "clock", "clock_wrong"
FAILURE_OF = {rule.name: rule.failure for rule in RULES} | {CLOCK: CLOCK_FAILURE}


def checks_of(collected: Collected, reference: Reference) -> list[Check]:
    """Return every check with its result, in the order of the table; the clock's is the last."""
    found = [_check(rule, collected.output(rule.tool), reference) for rule in RULES]
    offset = collected.clock_offset_s
    result = PASSED if offset <= MOST_CLOCK_OFFSET_S else FAILED
    return [*found, Check(CLOCK, f"within {MOST_CLOCK_OFFSET_S:g} s", f"{offset:.3f} s off", result)]


def _check(rule: Rule, output: Output, reference: Reference) -> Check:
    expected = printable(rule.expected(reference), 200)
    if not expected:
        return Check(rule.name, "nothing is promised", "", NOT_RUN)
    if output.text is None:
        told = f"{rule.tool} {output.trouble}"
        return Check(rule.name, expected, told, NOT_RUN if reference.is_emulated else FAILED)
    if output.is_double and not reference.is_emulated:
        return Check(rule.name, expected, "a test double, which proves nothing of real hardware", FAILED)
    try:
        found, is_right = rule.judge(output.text, reference)
    except Unreadable as error:
        return Check(rule.name, expected, f"{rule.tool} cannot be read: {error}", FAILED)
    result = (TEST_DOUBLE if output.is_double else PASSED) if is_right else FAILED
    return Check(rule.name, expected, printable(found, 200), result)


def failures(checks: Sequence[Check]) -> list[Check]:
    """Return the checks that a server did not pass."""
    return [check for check in checks if check.result == FAILED]


def report_of(collected: Collected, checks: Sequence[Check]) -> dict[str, Any]:
    """Return the acceptance report of one server."""
    return {
        "schema": "metalyard.acceptance/1",
        "kernel": collected.kernel,
        "verdict": FAILED if failures(checks) else PASSED,
        "checks": [asdict(check) for check in checks],
    }
