"""Host lists."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.reservations.handover.hostlist import hostlist


@pytest.mark.parametrize(
    ("names", "expression"),
    [
        ([], ""),
        (["gpu-07"], "gpu-07"),
        (["gpu-02", "gpu-01"], "gpu-[01-02]"),
        (["gpu-01", "gpu-02", "gpu-04", "gpu-06", "gpu-07"], "gpu-[01-02,04,06-07]"),
        (["gpu-9", "gpu-10"], "gpu-9,gpu-10"),
        (["login", "gpu-01"], "gpu-01,login"),
        (["a-01", "a-01"], "a-01"),
    ],
)
def test_names_are_written_as_slurm_does(names, expression):
    assert hostlist(names) == expression


def expanded(expression):
    """Read a host list back, as scontrol show hostnames does."""
    names = set()
    for stem, inside, plain in re.findall(r"([^,\[\]]+)\[([^\]]+)\]|([^,\[\]]+)", expression):
        if plain:
            names.add(plain)
        for part in inside.split(",") if inside else []:
            first, _, last = part.partition("-")
            for number in range(int(first), int(last or first) + 1):
                names.add(f"{stem}{number:0{len(first)}d}")
    return names


@given(st.sets(st.from_regex(r"[a-z][a-z-]{0,4}[0-9]{0,4}", fullmatch=True)))
def test_nothing_is_lost_or_added(names):
    assert expanded(hostlist(names)) == names
