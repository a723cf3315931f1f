"""Handing over is measured from end to end at a tiny size. No time is asserted."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portal.launcher.bench.bounds import PROVISIONING
from portal.launcher.bench.handing_over import servers_for
from portal.launcher.bench.processes import cpu_s, family, memory_mib, watched

REPOSITORY = Path(__file__).resolve().parents[2]
BURN_IN_A_CHILD = """
import subprocess, sys, time
subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 0.5: pass"], check=True)
hold = "import time; kept = bytearray(b'x') * (64 << 20); print(flush=True); time.sleep(600)"
kept = subprocess.Popen([sys.executable, "-c", hold])
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_tiny_run_measures_every_bound(tmp_path: Path) -> None:
    figures, port = tmp_path / "bench.json", "18771"
    argv = [sys.executable, "manage.py", "bench", "provisioning", "--servers", "1,2,3", "--rounds", "1"]
    argv += ["--port", port, "--json", str(figures)]
    env = {name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL")}

    done = subprocess.run(argv, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=840, check=False)

    assert figures.exists(), done.stdout + done.stderr
    found = json.loads(figures.read_text())
    assert {line["name"] for line in found["bounds"]} == set(PROVISIONING)
    assert all(set(by_count) <= {"1", "2", "3"} for by_count in found["milliseconds"].values())
    assert all(figure > 0 for line in found["bounds"] if line["name"] != "flat" for figure in line["rounds"])
    assert done.returncode == (0 if all(line["met"] for line in found["bounds"]) else 1)


@pytest.fixture
def parent():
    """Return a process one of whose children has burnt half a second and is gone, and one holds 64 MiB."""
    process = subprocess.Popen([sys.executable, "-c", BURN_IN_A_CHILD], stdout=subprocess.PIPE, text=True)
    assert [process.stdout.readline() for _ in range(2)]
    yield process
    for pid in family(process.pid):
        os.kill(pid, 9)
    process.wait()


def test_what_children_used_counts_also_when_they_are_gone(parent) -> None:
    assert cpu_s(parent.pid) >= 0.5


def test_the_memory_is_that_of_the_whole_family(parent) -> None:
    assert len(family(parent.pid)) == 2
    assert memory_mib(parent.pid) > 64

    with watched([parent.pid]) as peak:
        while peak.mib < 64:
            time.sleep(0.05)


def test_the_pool_is_larger_than_what_is_handed_over() -> None:
    assert servers_for([1, 256]) > 256
