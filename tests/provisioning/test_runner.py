"""The runner: what comes out of a run, what it must not leave behind, and what it must not give away."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import ansible_runner
import pytest

from provisioning.runner import PLAYBOOKS, Run, run
from provisioning.workspace import workspace

OURS = Path(__file__).parent / "playbooks"


@pytest.fixture
def folder(tmp_path):
    with workspace(tmp_path) as path:
        yield path


def a_run(folder, playbook="say.yml", hosts=None, **changes):
    values = {
        "playbook": playbook,
        "inventory": {"all": {"hosts": hosts or {"srv_a": {"text": "hello"}}}},
        "extra_vars": {},
        "time_limit_s": 200,
        "fence": None,
        "private_data_dir": folder,
        "on_event": lambda event: None,
        "should_stop": lambda: False,
    }
    return Run(**values | changes)


def sleepers(marker: str) -> list[int]:
    """Living processes with `marker` among their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                state = (entry / "stat").read_bytes().rpartition(b")")[2].split()[0]
            except OSError:
                continue
            if marker.encode() in arguments and state != b"Z" and b"sleep" in b" ".join(arguments):
                found.append(int(entry.name))
    return found


def wait_for(condition, what: str):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)


@pytest.fixture
def seconds():
    """A number of seconds no other process sleeps for, to find ours by."""
    number = f"6{uuid.uuid4().int % 10**9:09d}"
    yield number
    for pid in sleepers(number):
        os.kill(pid, signal.SIGKILL)


def test_a_run_reports_each_host_and_each_event(folder):
    events = []

    result = run(
        a_run(folder, hosts={"srv_a": {"text": "x"}, "srv_b": {"text": "y"}}, on_event=events.append), playbooks=OURS
    )

    assert result.status == "successful"
    assert {host: (entry.ok, entry.error_code) for host, entry in result.hosts.items()} == {
        "srv_a": (True, ""),
        "srv_b": (True, ""),
    }
    assert sorted((event.host, event.status) for event in events) == [
        ("srv_a", "ok"), ("srv_a", "started"), ("srv_b", "ok"), ("srv_b", "started"),
    ]  # fmt: skip
    assert {event.task for event in events} == {"Say it"}
    assert all(event.duration_s > 0 for event in events if event.status == "ok")


def test_a_failing_host_does_not_stop_the_others_and_gives_no_secret_away(folder):
    hosts = {"srv_good": {"bmc_password": "pw-of-good"}, "srv_bad": {"bmc_password": {"__ansible_unsafe": "pw-of-bad"}}}
    events = []

    result = run(a_run(folder, "fail_one.yml", hosts, on_event=events.append), playbooks=OURS)

    assert result.status == "failed"
    assert result.hosts["srv_good"].ok
    assert not result.hosts["srv_bad"].ok
    assert result.hosts["srv_bad"].error_code == "run_failed"
    assert result.hosts["srv_bad"].error == "no, and the password is [redacted]"
    assert "pw-of" not in repr((result, events))


def test_a_playbook_ansible_cannot_read_fails_every_host_and_says_why(folder):
    result = run(a_run(folder, "broken.yml"), playbooks=OURS)

    assert result.status == "failed"
    assert result.hosts["srv_a"].error_code == "run_failed"
    assert "no_such_keyword" in result.hosts["srv_a"].error


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"playbook": "missing.yml"}, "no playbook"),
        ({"playbook": "../playbooks/say.yml"}, "no playbook"),
        ({"inventory": {"all": {"hosts": {}}}}, "no hosts"),
        ({"inventory": {}}, "no hosts"),
        ({"time_limit_s": 0}, "time_limit_s"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused_before_anything_is_written(folder, changes, reason):
    with pytest.raises(ValueError, match=reason):
        run(a_run(folder, **changes), playbooks=OURS)

    assert list(folder.iterdir()) == []


def test_a_folder_others_could_read_is_refused(folder):
    folder.chmod(0o755)

    with pytest.raises(ValueError, match="0700"):
        run(a_run(folder), playbooks=OURS)

    assert list(folder.iterdir()) == []


def test_secrets_lie_on_no_disk_once_ansible_has_started(folder):
    found = []

    def look(event):
        files = [path for path in folder.rglob("*") if path.is_file()]
        found.append([path.name for path in files if b"pw-of-a" in path.read_bytes()])
        found.append([path.name for path in folder.iterdir() if path.is_file()])

    result = run(
        a_run(folder, hosts={"srv_a": {"text": "x", "bmc_password": "pw-of-a"}}, on_event=look), playbooks=OURS
    )

    assert result.status == "successful"
    assert found == [[]] * 4


def test_ansible_sees_nothing_of_the_workers_environment(folder, monkeypatch):
    monkeypatch.setenv("METALYARD_SECRETS_KEYS", "worker-secret")
    monkeypatch.setenv("ANSIBLE_STRATEGY", "no_such_strategy")
    monkeypatch.setenv("PATH", "/nowhere")
    seen = []
    run_of = a_run(folder, on_event=lambda event: seen.extend(_environments(folder)))

    result = run(run_of, playbooks=OURS)

    assert result.status == "successful"
    assert seen
    assert not any(b"worker-secret" in environment for environment in seen)
    assert all(b"LC_ALL=C.UTF-8" in environment for environment in seen)


def _environments(folder: Path) -> list[bytes]:
    """The environments of all processes whose home is the run's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"HOME={folder}\0".encode() in environment:
                found.append(environment)
    return found


def test_modules_run_on_our_own_python(folder):
    events = []
    hosts = {"srv_a": {"text": "{{ ansible_python_interpreter }}", "ansible_python_interpreter": "/bin/false"}}

    result = run(a_run(folder, "sleep.yml", hosts, extra_vars={"seconds": "0"}, on_event=events.append), playbooks=OURS)

    assert result.status == "successful", result


@pytest.mark.parametrize("playbook", ["sleep.yml", "daemon.yml"])
def test_a_stopped_run_leaves_no_process(folder, seconds, playbook):
    marker = uuid.uuid4().hex
    extra = {"seconds": seconds, "marker": marker}
    hosts = {f"srv_{number}": {} for number in range(3)}
    asleep, daemons = [], []

    def stop() -> bool:
        asleep[:] = sleepers(seconds)
        daemons[:] = sleepers(marker)
        return len(asleep) == len(hosts)

    result = run(a_run(folder, playbook, hosts, extra_vars=extra, should_stop=stop), playbooks=OURS)

    assert len(asleep) == 3, "the work was really going on when it was stopped"
    assert len(daemons) == (3 if playbook == "daemon.yml" else 0)
    assert sleepers(seconds) == []
    assert sleepers(marker) == []
    assert result.status == "stopped"
    assert {entry.error_code for entry in result.hosts.values()} == {"run_stopped"}


def test_control_ansible_runners_own_cancel_leaves_workers_alive(folder, seconds):
    """Evidence, not wish: if this fails, ansible-runner has learned to end its workers and `guard` may be too much."""
    (folder / "inventory.json").write_text(json.dumps({"all": {"hosts": {"srv_a": {}}}}))

    result = ansible_runner.run(
        private_data_dir=str(folder), playbook=str(OURS / "sleep.yml"), inventory=str(folder / "inventory.json"),
        extravars={"seconds": seconds, "ansible_python_interpreter": sys.executable}, quiet=True,
        envvars={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"),
        },
        settings={"pexpect_timeout": 0.5}, cancel_callback=lambda: bool(sleepers(seconds)),
    )  # fmt: skip

    assert result.status == "canceled"
    assert sleepers(seconds) != []


def test_a_run_over_its_time_limit_is_ended(folder, seconds):
    result = run(a_run(folder, "sleep.yml", extra_vars={"seconds": seconds}, time_limit_s=3), playbooks=OURS)

    assert result.status == "timed_out"
    assert result.hosts["srv_a"].error_code == "run_timed_out"
    assert sleepers(seconds) == []


def test_an_error_of_the_listener_ends_the_run_and_is_not_swallowed(folder, seconds):
    def listen(event):
        wait_for(lambda: sleepers(seconds), "the sleep started")
        raise LookupError("the database is gone")

    with pytest.raises(LookupError, match="the database is gone"):
        run(a_run(folder, "sleep.yml", extra_vars={"seconds": seconds}, on_event=listen), playbooks=OURS)

    assert sleepers(seconds) == []


def test_a_shot_guard_leaves_no_process_either(folder, seconds):
    """The guard is no single point of failure: its parent finds the orphans by their mark."""

    def shoot() -> bool:
        if sleepers(seconds):
            children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
            for pid in map(int, children):
                if b"guard.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
        return False

    result = run(a_run(folder, "sleep.yml", extra_vars={"seconds": seconds}, should_stop=shoot), playbooks=OURS)

    assert result.status == "failed"
    assert sleepers(seconds) == []


def test_what_a_run_used_counts_as_its_workers(folder):
    """A run is ended as soon as Ansible has told all; what it used by then is not lost to those who count."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime

    assert run(a_run(folder, "sleep.yml", extra_vars={"seconds": "0"}), playbooks=OURS).status == "successful"

    # Loading Ansible takes more than that; without its guard's waiting for it nothing of it would be seen.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before > 0.2


WORKER = """
import sys
from pathlib import Path
from provisioning.runner import Run, run
from provisioning.workspace import workspace
with workspace(Path(sys.argv[1])) as folder:
    run(Run(playbook="sleep.yml", inventory={"all": {"hosts": {"srv_a": {}}}}, extra_vars={"seconds": sys.argv[2]},
            time_limit_s=600, fence=None, private_data_dir=folder, on_event=lambda event: None,
            should_stop=lambda: False), playbooks=Path(sys.argv[3]))
"""


def test_a_worker_killed_by_force_takes_its_run_with_it(tmp_path, seconds):
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path), seconds, str(OURS)])
    wait_for(lambda: sleepers(seconds), "the sleep started")

    worker.send_signal(signal.SIGKILL)
    worker.wait()

    wait_for(lambda: not sleepers(seconds), "the work of a dead worker ended")
