"""The benchmark works from end to end at a tiny size, and judges figures as it says. No time is asserted."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from portal.launcher.bench.bounds import BOUNDS, Results
from portal.launcher.bench.plot import growth
from portal.launcher.bench.report import END, begin_of, table
from portal.launcher.management.commands.bench import sizes

REPOSITORY = Path(__file__).resolve().parents[2]
OF_TWO_FLEETS = {name for name in BOUNDS if name.startswith("grow_")}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_tiny_run_measures_every_bound_and_finds_no_contradiction(tmp_path: Path) -> None:
    figures, plot = tmp_path / "bench.json", tmp_path / "bench.svg"
    argv = [sys.executable, "manage.py", "bench", "booking", "--tiny", "--fleets", "64,128", "--rounds", "1"]
    page = tmp_path / "page.md"
    page.write_text(f"before\n{begin_of('booking')}\nfigures of yesterday\n{END}\nafter\n")
    argv += ["--shared-buffers", "128MB", "--json", str(figures), "--plot", str(plot), "--page", str(page)]
    env = {name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL")}

    done = subprocess.run(argv, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=840, check=False)

    assert figures.exists(), done.stdout + done.stderr
    found = json.loads(figures.read_text())
    lines = {line["name"]: line for line in found["bounds"]}
    assert set(lines) == set(BOUNDS) - OF_TWO_FLEETS
    assert [lines[name]["worst"] for name in ("faults", "statements", "exact")] == [0, 0, 100]
    assert done.returncode == (0 if all(line["met"] for line in found["bounds"]) else 1)
    assert all(line["work"] in done.stdout for line in found["bounds"])
    assert [
        word in page.read_text() for word in ("before", "figures of yesterday", lines["place"]["work"], "after")
    ] == [
        True,
        False,
        True,
        True,
    ]
    ElementTree.fromstring(plot.read_text())  # noqa: S314 - written by the line above


def test_the_worst_round_decides() -> None:
    results = Results()
    for figure in (2.0, 4.5, 3.0):
        results.add("search", figure)
        results.add("stampede_lock", figure)
    search, lock = results.lines()
    assert (search.worst, search.is_met) == (4.5, False)
    assert (lock.worst, lock.is_met) == (2.0, True)
    assert "| <= 4 x | 4.5 x | 3 x | **no** |" in table(results)


def test_sizes_are_read_as_people_write_them() -> None:
    assert sizes("10k,1k,64") == [64, 1_000, 10_000]


@pytest.mark.parametrize("text", ["", "k", "0", "ten", "1k,"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        sizes(text)


def test_the_picture_has_a_line_and_a_label_for_each_work() -> None:
    picture = ElementTree.fromstring(growth("a < b", [1000, 10_000], {"read": [0.1, 0.1], "book": [2, 3]}))  # noqa: S314
    names = [element.tag.split("}")[1] for element in picture.iter()]
    assert names.count("polyline") == 2
    assert {"read", "book", "a < b"} <= {element.text for element in picture.iter()}
