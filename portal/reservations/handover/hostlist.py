"""Many host names in few characters, as Slurm writes them: ``gpu-[01-04,07]`` (scontrol(1), "hostlist")."""

import re
from collections.abc import Iterable, Sequence

NUMBERED = re.compile(r"^(.*?)(\d+)$")


def hostlist(hostnames: Iterable[str]) -> str:
    """Return the names as one expression, sorted; names without a number at the end stand by themselves."""
    groups: dict[tuple[str, int], set[int]] = {}
    for name in set(hostnames):
        found = NUMBERED.match(name)
        stem, digits = (found[1], found[2]) if found else (name, "")
        numbers = groups.setdefault((stem, len(digits)), set())
        if digits:
            numbers.add(int(digits))
    return ",".join(_expression(stem, width, sorted(groups[stem, width])) for stem, width in sorted(groups))


def _expression(stem: str, width: int, numbers: Sequence[int]) -> str:
    if not numbers:
        return stem
    if len(numbers) == 1:
        return f"{stem}{numbers[0]:0{width}d}"
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [f"{run[0]:0{width}d}" + (f"-{run[-1]:0{width}d}" if len(run) > 1 else "") for run in runs]
    return f"{stem}[{','.join(parts)}]"
