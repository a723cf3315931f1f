"""Services are started, replaced and stopped; nothing outlives a launcher, not even one that is killed."""

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portal.launcher import guard
from portal.launcher.problems import LaunchProblem
from portal.launcher.supervisor import Service, Supervisor

REPOSITORY = Path(__file__).resolve().parents[2]


def service(name: str, code: str, *, mark: str = "", stop_limit_s: float = 60) -> Service:
    env = {**os.environ, guard.MARK: mark}
    return Service(
        name,
        (sys.executable, "-u", "-c", code),
        env,
        ready=lambda log, start: b"serving" in log.read_bytes()[start:],
        start_limit_s=120,
        stop_limit_s=stop_limit_s,
    )


def until(condition: object, limit_s: float = 120) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("manner", ["polite", "stubborn"])
def test_kill_9_of_the_launcher_leaves_no_orphan(tmp_path: Path, manner: str) -> None:
    mark = secrets.token_hex(8)
    argv = [sys.executable, "-m", "tests.launcher.launcher_script", str(tmp_path), mark, manner]
    launcher = subprocess.Popen(argv, cwd=REPOSITORY)
    assert until((tmp_path / "up").exists)
    assert len(guard.marked(mark)) == 2, "control: child and grandchild run"
    launcher.kill()
    launcher.wait()
    assert until(lambda: guard.marked(mark) == []), "something outlived the launcher"


def test_stop_is_in_reverse_order_and_kills_what_does_not_stop(tmp_path: Path) -> None:
    told = tmp_path / "order"
    code = "import signal, sys, time\n"
    code += "def end(*_): open({told!r}, 'a').write({name!r}); sys.exit()\n"
    code += "signal.signal(signal.SIGTERM, end); print('serving'); time.sleep(600)"
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('serving'); time.sleep(600)"
    supervisor = Supervisor(tmp_path, tmp_path, lambda _line: None)
    mark = secrets.token_hex(8)
    for name in "abc":
        supervisor.start(service(name, code.format(told=str(told), name=name), mark=mark))
        supervisor.wait_ready(name)
    supervisor.start(service("deaf", deaf, mark=mark, stop_limit_s=0.5))
    supervisor.wait_ready("deaf")
    supervisor.stop()
    assert told.read_text() == "cba"
    assert guard.marked(mark) == []


def test_a_service_that_ends_is_started_again_and_given_up_when_it_keeps_ending(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(tmp_path, tmp_path, said.append)
    supervisor.start(service("web", "print('serving'); print('out of paper'); raise SystemExit(3)"))
    try:
        for _ in range(2):
            supervisor.running[0].process.wait()
            supervisor.check()
        assert said == [f"The web ended (exit code 3); starting it again. Log: {tmp_path / 'web.log'}"] * 2
        supervisor.running[0].process.wait()
        with pytest.raises(LaunchProblem, match="The web ended 3 times within a minute: out of paper"):
            supervisor.check()
    finally:
        supervisor.stop()


def test_a_service_that_never_starts_is_named_with_its_last_words(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, tmp_path, lambda _line: None)
    supervisor.start(service("fleet", "print('no such file'); raise SystemExit(1)"))
    with pytest.raises(LaunchProblem, match=r"The fleet stopped while starting: no such file \(see .*fleet.log\)"):
        supervisor.wait_ready("fleet")
    supervisor.stop()


def test_a_growing_log_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("wb") as file:
        file.truncate(9 * 1024 * 1024)
    supervisor = Supervisor(tmp_path, tmp_path, lambda _line: None)
    supervisor.start(service("web", "print('serving'); import time; time.sleep(600)"))
    supervisor.wait_ready("web")
    supervisor.stop()
    assert (tmp_path / "web.log.1").stat().st_size == 9 * 1024 * 1024
    assert log.stat().st_size < 1000
