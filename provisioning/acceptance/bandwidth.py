"""The verdict on servers together: the bandwidth of an all-reduce over all of their GPUs against their type's band."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from provisioning.acceptance.band import Band
from provisioning.acceptance.collected import Output, Unreadable
from provisioning.acceptance.nccl import AllReduce, Size, read_all_reduce
from provisioning.acceptance.verdict import FAILED, NOT_RUN, PASSED, TEST_DOUBLE

TOOL = "all_reduce_perf"
LARGEST_BYTES = 4 * 1024**3
"""Up to where the tool is to measure; a table that ends earlier proves nothing."""
FAILURE, SLOW = "allreduce_failed", "allreduce_slow"


@dataclass(frozen=True)
class Bandwidth:
    """How the check ended; ``failure`` is empty unless it failed, ``sizes`` and ``peak`` where nothing was measured."""

    expected: str
    found: str
    result: str
    failure: str = ""
    peak: float = 0.0
    sizes: Sequence[Size] = ()

    def document(self) -> dict[str, Any]:
        """Return it as it stands in a report; ``busbw`` and the peak are in GB/s."""
        return {
            "expected": self.expected,
            "found": self.found,
            "result": self.result,
            "peak_busbw": self.peak,
            "sizes": [asdict(size) for size in self.sizes],
        }


def bandwidth_of(output: Output, band: Band) -> Bandwidth:
    """Judge what the tool said. Where it was not to be asked, ``output`` does not matter."""
    if band.why_not:
        return Bandwidth("nothing is promised" if not band.least else str(band), band.why_not, NOT_RUN)
    if output.text is None:
        missing = band.is_emulated
        told = f"{TOOL} {output.trouble}"
        return Bandwidth(str(band), told, NOT_RUN if missing else FAILED, "" if missing else FAILURE)
    if output.is_double and not band.is_emulated:
        return Bandwidth(str(band), "a test double, which proves nothing of real hardware", FAILED, FAILURE)
    try:
        measured = read_all_reduce(output.text)
        _check_whole(measured, band)
    except Unreadable as error:
        return Bandwidth(str(band), f"{TOOL} proves nothing: {error}", FAILED, FAILURE)
    return _against(measured, band, TEST_DOUBLE if output.is_double else PASSED)


def _check_whole(measured: AllReduce, band: Band) -> None:
    """Check that all GPUs took part, up to the largest size. Raises Unreadable."""
    if sorted(measured.ranks.values()) != [band.gpus] * band.servers:
        told = f"{sum(measured.ranks.values())} GPUs of {len(measured.ranks)} servers"
        raise Unreadable(f"{told} took part instead of {band.gpus} of each of {band.servers}")
    if measured.sizes[-1].size_bytes < LARGEST_BYTES:
        raise Unreadable(f"it ends with {measured.sizes[-1].size_bytes} bytes")


def _against(measured: AllReduce, band: Band, well: str) -> Bandwidth:
    found, sizes = f"{measured.peak:g} GB/s at the peak", measured.sizes
    if measured.peak < band.least:
        return Bandwidth(str(band), found, FAILED, SLOW, measured.peak, sizes)
    if band.most and measured.peak > band.most:
        return Bandwidth(str(band), f"{found}, which is implausible", FAILED, FAILURE, measured.peak, sizes)
    return Bandwidth(str(band), found, well, "", measured.peak, sizes)


def cluster_report_of(servers: Sequence[tuple[str, str]], bandwidth: Bandwidth) -> dict[str, Any]:
    """Return the report on servers, each by public id and host name, that all reach one another."""
    return {
        "schema": "metalyard.cluster/1",
        "verdict": FAILED if bandwidth.result == FAILED else PASSED,
        "servers": [server for server, _hostname in servers],
        "hostnames": [hostname for _server, hostname in servers],
        "pairs": len(servers) * (len(servers) - 1),
        "all_reduce": bandwidth.document(),
    }
