"""The private folder of a run: private, removed whatever happens, and never taken from under a living owner."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from provisioning.workspace import default_root, remove_leftovers, workspace

OWNER = """
import sys, time
from pathlib import Path
from provisioning.workspace import workspace
with workspace(Path(sys.argv[1])) as path:
    (path / "secret").write_text("x")
    print(path, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def owner(tmp_path):
    """Another process that holds a workspace; gives (process, its folder)."""
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_folder_is_private_and_gone_afterwards(tmp_path):
    with workspace(tmp_path) as path:
        assert path.stat().st_mode & 0o777 == 0o700
        (path / "deep").mkdir()
        (path / "deep" / "file").write_text("x")

    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_gone_after_an_error_too(tmp_path):
    with pytest.raises(FileExistsError), workspace(tmp_path) as path:
        path.mkdir()

    assert list(tmp_path.iterdir()) == []


def test_the_default_root_is_in_memory_where_there_is_a_tmpfs():
    kinds = {line.split()[1]: line.split()[2] for line in Path("/proc/self/mounts").read_text().splitlines()}
    usable = [root for root in ("/dev/shm", "/run") if kinds.get(root) == "tmpfs" and os.access(root, os.W_OK)]

    assert str(default_root()) in usable or not usable


def test_leftovers_of_a_killed_process_are_removed(tmp_path, owner):
    process, path = owner
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (path / "secret").exists(), "kill -9 leaves the folder: otherwise this test proves nothing"

    removed = remove_leftovers(tmp_path)

    assert removed == 1
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_living_process_is_left_alone(tmp_path, owner):
    _, path = owner

    with workspace(tmp_path) as ours:
        removed = remove_leftovers(tmp_path)

        assert removed == 0
        assert ours.exists()
        assert (path / "secret").exists()


def test_links_and_strangers_are_left_alone(tmp_path):
    target = tmp_path / "kept"
    target.mkdir()
    (tmp_path / "metalyard-run-link").symlink_to(target)
    (tmp_path / "other").mkdir()

    removed = remove_leftovers(tmp_path)

    assert removed == 0
    assert {entry.name for entry in tmp_path.iterdir()} == {"kept", "metalyard-run-link", "other"}
