"""The benchmark of closing a month works from end to end at a tiny size. No time is asserted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.launcher.bench.billing import Closing, sizes_of
from portal.launcher.bench.bounds import BILLING

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_tiny_run_closes_every_fleet(tmp_path):
    figures = tmp_path / "bench.json"
    argv = [sys.executable, "manage.py", "bench", "billing", "--servers", "64", "--rounds", "2"]
    argv += ["--shared-buffers", "128MB", "--json", str(figures)]
    env = {name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL")}

    done = subprocess.run(argv, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=840, check=False)

    assert figures.exists(), done.stdout + done.stderr
    found = json.loads(figures.read_text())
    assert {line["name"] for line in found["bounds"]} == set(BILLING)
    # The first round of a process meets a cold portal, so only the largest fleet's time is judged.
    assert found["milliseconds"]["lines"]["64"] == [8.0, 8.0]


def test_it_is_measured_at_a_quarter_and_a_half_too():
    assert Closing(None, sizes_of([1000, 10_000]), 1, print).sizes == [2500, 5000, 10_000]
    assert sizes_of(None) == 10_000
