"""PostgreSQL of our own: both providers, restart, leftovers of a kill, and the lines for what is missing."""

import os
import pwd
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from portal.launcher import pg_binaries
from portal.launcher.postgres import FOR_TESTS, Postgres
from portal.launcher.problems import LaunchProblem

SYSTEM_IS_INSTALLED = any(pg_binaries.DEBIAN.glob("*/bin/initdb"))
LANES = [
    pytest.param(
        "system", marks=pytest.mark.skipif(not SYSTEM_IS_INSTALLED, reason="no PostgreSQL package on this machine")
    ),
    "wheel",
]


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    monkeypatch.delenv("METALYARD_PG_BIN", raising=False)
    monkeypatch.setenv("METALYARD_POSTGRES", request.param)
    return str(request.param)


@pytest.fixture
def server(open_folder: Path) -> Iterator[Postgres]:
    made = Postgres(open_folder, open_folder / "log", options=FOR_TESTS)
    yield made
    made.stop()


def ask(server: Postgres, question: str) -> object:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("lane", LANES, indirect=True)
def test_starts_without_root_without_tcp_and_keeps_data_over_a_restart(lane: str, server: Postgres) -> None:
    major = server.start()
    assert server.process is not None
    owner = pwd.getpwuid(Path(f"/proc/{server.process.pid}").stat().st_uid).pw_name
    assert owner == ("nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name)
    assert str(ask(server, "SHOW server_version")).startswith(str(major))
    assert ask(server, "SHOW listen_addresses") == ""
    assert server.sockets.stat().st_mode & 0o077 == 0, "the socket asks for no password, so its folder must be closed"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION btree_gist")
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    server.stop()
    assert not (server.data / "postmaster.pid").exists(), "it was not stopped in an orderly way"
    server.start()
    assert ask(server, "SELECT number FROM kept") == 7


def test_starts_again_after_kill_9_and_loses_nothing(server: Postgres) -> None:
    server.options = {}  # the tests' own settings may lose the last moment
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    assert (server.data / "postmaster.pid").exists()
    # The number in the file may belong to some other process by now, as after a reboot.
    lines = (server.data / "postmaster.pid").read_text().splitlines()
    (server.data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    server.start()
    assert ask(server, "SELECT number FROM kept") == 7


def test_takes_over_from_a_server_that_lost_its_launcher(server: Postgres) -> None:
    server.start()
    orphan = server.process
    assert orphan is not None
    server.start()
    assert orphan.wait(60) == 0
    assert ask(server, "SELECT 1") == 1


def test_open_sessions_do_not_keep_it_from_stopping(server: Postgres) -> None:
    server.start()
    session = psycopg.connect(server.url())
    session.execute("SELECT 1")
    before = server.process
    server.stop()
    assert before is not None
    assert before.returncode == 0
    session.close()


def test_refuses_data_of_a_version_it_has_not(server: Postgres) -> None:
    server.data.mkdir()
    (server.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(LaunchProblem, match=r"made by PostgreSQL 9, .*--reset"):
        server.start()
    assert server.process is None
    assert sorted(entry.name for entry in server.data.iterdir()) == ["PG_VERSION"]


def test_a_wrong_lane_or_folder_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("METALYARD_POSTGRES", "oracle")
    with pytest.raises(LaunchProblem, match="'system', 'wheel' or empty"):
        pg_binaries.find()
    monkeypatch.setenv("METALYARD_POSTGRES", "system")
    monkeypatch.setenv("METALYARD_PG_BIN", str(tmp_path))
    with pytest.raises(LaunchProblem, match="no program 'postgres'"):
        pg_binaries.find()


def test_too_long_a_path_is_said_before_anything_is_made(tmp_path: Path) -> None:
    root = tmp_path / ("x" * 100)
    root.mkdir()
    with pytest.raises(LaunchProblem, match="too long for a socket"):
        Postgres(root, root / "log").start()
    assert list(root.iterdir()) == []


def test_ends_when_its_launcher_is_killed(open_folder: Path) -> None:
    launcher = os.fork()
    if launcher == 0:
        Postgres(open_folder, open_folder / "log", options=FOR_TESTS).start()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(launcher, 0)
    pid_file = open_folder / "data" / "postmaster.pid"
    deadline = time.monotonic() + 120
    while pid_file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not pid_file.exists(), "PostgreSQL outlived the process that started it"
