"""What an emulator that is gone has left is ended, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from provisioning.simulator import processes
from tests.provisioning.simulator.emulator import until

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)", "-name"]


@pytest.fixture
def started():
    running = []

    def start(mark):
        running.append(subprocess.Popen([*SLEEP, mark]))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_only_the_machine_of_this_folder_is_ended(started, tmp_path):
    mark = processes.mark_of(tmp_path, "srv-1")
    marks = [mark, mark + "1", processes.mark_of(tmp_path / "other", "srv-1")]
    ours, longer, elsewhere = map(started, marks)

    ended = until(lambda: processes.end_leftovers(mark))

    assert (ended, ours.wait(60)) == (1, -9)
    assert longer.poll() is elsewhere.poll() is None
    assert processes.end_leftovers(mark) == 0


def running_as(pid):
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]


def test_a_process_ends_with_the_thread_that_started_it(tmp_path):
    found = []
    enough = threading.Event()

    def run():
        found.append(processes.spawn([*SLEEP, "x"], folder=tmp_path, netns="", output=tmp_path / "log"))
        enough.wait(60)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: found)
    # Before it has become what it was started for, it has not asked yet for the signal.
    until(lambda: running_as(found[0].pid) == [*SLEEP, "x"])
    assert found[0].poll() is None
    enough.set()
    thread.join()

    assert found[0].wait(60) == -9
