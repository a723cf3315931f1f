"""The state folder: whose it is, that two portals never share it, and what --reset removes."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.launcher import state_dir
from portal.launcher.problems import LaunchProblem
from portal.launcher.state_dir import StateDir, open_state_dir


@contextmanager
def opened(root: Path, *, reset: bool = False) -> Iterator[StateDir]:
    state = open_state_dir(root, reset=reset)
    try:
        yield state
    finally:
        os.close(state.lock)


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_second_portal_in_the_folder_is_refused_and_names_the_first(open_folder: Path) -> None:
    with (
        opened(open_folder / "state"),
        pytest.raises(LaunchProblem, match=f"already runs in .*process {os.getpid()}.*--state-dir"),
    ):
        open_state_dir(open_folder / "state", reset=True)
    with opened(open_folder / "state"):
        pass


def test_reset_removes_what_a_start_made_and_nothing_else(open_folder: Path) -> None:
    root = open_folder / "state"
    with opened(root):
        pass
    for name in state_dir.CONTENT:
        (root / name).mkdir(exist_ok=True)
        (root / name / "old").touch()
    (root / "my notes.txt").write_text("keep me")
    outside = open_folder / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (root / "images" / "old").unlink()
    (root / "images").rmdir()
    (root / "images").symlink_to(outside)
    with opened(root, reset=True):
        assert not list(root.glob("*/old"))
        assert (root / "my notes.txt").read_text() == "keep me"
        assert (outside / "precious").exists(), "a link must not lead the removal out of the folder"


def test_without_reset_everything_stays(open_folder: Path) -> None:
    root = open_folder / "state"
    with opened(root):
        (root / "images" / "kept").touch()
    with opened(root):
        assert (root / "images" / "kept").exists()


@pytest.mark.parametrize("reset", [False, True])
def test_a_folder_with_other_files_is_refused_and_left_alone(open_folder: Path, reset: bool) -> None:
    (open_folder / "thesis.tex").write_text("years of work")
    before = listing(open_folder)
    with pytest.raises(LaunchProblem, match=r"holds other files \(thesis.tex\)"):
        open_state_dir(open_folder, reset=reset)
    assert listing(open_folder) == before


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LaunchProblem, match=r"Cannot write to the folder .* \(Not a directory\)"):
        open_state_dir(tmp_path / "file" / "state", reset=False)


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Give up root's right to write everywhere for a moment."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_read_only_parent_is_one_line(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    with as_ordinary_user(), pytest.raises(LaunchProblem, match="Permission denied"):
        open_state_dir(open_folder / "state", reset=False)
    assert listing(open_folder) == []


def test_servers_move_where_they_can_work(tmp_path: Path) -> None:
    """A long path is too long for a socket, and a closed one is closed to the account that root's servers run as."""
    root = tmp_path / ("long-" * 20)
    with opened(root) as state:
        assert state.servers != root
        assert state.servers.parent == state_dir.ELSEWHERE
        (state.servers / "pg" / "data").mkdir()
    with opened(root, reset=True) as state:
        assert not (state.servers / "pg" / "data").exists()
    state_dir._remove(state.servers)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands its servers to another user")
def test_the_folder_of_another_user_is_refused(open_folder: Path) -> None:
    root = open_folder / "state"
    with opened(root):
        pass
    os.chown(root / state_dir.MARKER, 65534, 65534)
    with pytest.raises(LaunchProblem, match="belongs to nobody"):
        open_state_dir(root, reset=True)
