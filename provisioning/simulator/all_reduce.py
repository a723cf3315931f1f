"""What an emulated machine says of an all-reduce: a test double of nccl-tests' table. Nothing is reduced or sent."""

import re
from collections.abc import Sequence

from provisioning.simulator.doubles import MARK

SLOTS = re.compile(r"^(\S+) slots=(\d+)$", re.MULTILINE)
SIZES = tuple(4**step * 1024**2 for step in range(7))
PEAK_BUSBW = 400.0
"""GB/s, which the type of emulated servers must promise less of."""
LATENCY_S = 1e-4


def table(hostfile: str, hosts: Sequence[str], slow: float = 1.0) -> str:
    """Return the table of the machines named; ``slow`` is how many times slower they are than they should be.

    Raises ValueError where one is not in the host file.
    """
    slots = {host: int(count) for host, count in SLOTS.findall(hostfile) if host in hosts}
    if not slots or set(slots) != set(hosts):
        raise ValueError("a machine is not in the host file")
    ranks = [(host, device) for host, count in slots.items() for device in range(count)]
    lines = ["# nThread 1 nGpus 1 (emulated)", "#", "# Using devices"]
    lines += [
        f"#  Rank {rank:2d} Group  0 Pid {rank + 1:6d} on {host:>10} device {device:2d} [0x00] emulated GPU"
        for rank, (host, device) in enumerate(ranks)
    ]
    lines.append(f"#       size         count      type   redop    root{'     time   algbw   busbw #wrong' * 2}")
    rows = [_row(size, len(ranks), slow) for size in SIZES]
    average = sum(speed for speed, _line in rows) / len(rows)
    lines += [line for _speed, line in rows]
    lines += ["# Out of bounds values : 0 OK", f"# Avg bus bandwidth    : {average:g} ", "#"]
    return MARK + "\n".join(lines) + "\n"


def _row(size: int, ranks: int, slow: float) -> tuple[float, str]:
    share = 2 * (ranks - 1) / ranks
    seconds = (LATENCY_S + size * share / (PEAK_BUSBW * 1e9)) * slow
    busbw = size * share / seconds / 1e9
    half = f"  {seconds * 1e6:7.1f}  {size / seconds / 1e9:6.2f}  {busbw:6.2f}      0"
    return busbw, f"{size:12d}  {size // 4:12d}     float     sum      -1{half * 2}"
