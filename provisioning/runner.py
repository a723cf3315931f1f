"""The only import of ansible_runner: a Run goes in, a RunResult comes out, and no process of it stays behind.

ansible-runner is not thread-safe (its issue 808): one run per process at a time, as Celery's prefork pool gives.
Its own cancel and timeout are not used, because they leave Ansible's workers alive (see `guard`).
"""

from __future__ import annotations

import json
import os
import stat
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_runner import Runner, RunnerConfig
from ansible_runner.utils import get_callback_dir

from provisioning import guard, terminal
from provisioning.recorder import Recorder
from provisioning.runs import HostResult, Run, RunnerEvent, RunResult, RunStatus

__all__ = ["PLAYBOOKS", "HostResult", "Run", "RunResult", "RunnerEvent", "run"]

PLAYBOOKS = Path(__file__).resolve().parent.parent / "playbooks"
# Hosts mostly wait for their BMC, so more forks than cores pay; each costs 13 MiB that it does not share.
MAX_FORKS = 14
_POLL_S = 0.5
terminal.use()


class _Watch:
    """Decides when a run has to end before it is finished, and ends it."""

    def __init__(self, mark: str, time_limit_s: float, should_stop: Callable[[], bool]) -> None:
        self._mark = mark
        self._deadline = time.monotonic() + time_limit_s
        self._should_stop = should_stop
        self.verdict: RunStatus | None = None

    def __call__(self) -> bool:
        """ansible-runner's cancel callback. Always says no: we do the killing, it then sees its child gone."""
        if self.verdict is None:
            if time.monotonic() >= self._deadline:
                self.verdict = "timed_out"
            elif self._should_stop():
                self.verdict = "stopped"
            if self.verdict is not None:
                guard.end_run(self._mark)
        return False


def run(run: Run, *, playbooks: Path = PLAYBOOKS) -> RunResult:
    """Run the playbook and wait for its end. `playbooks` is the folder `run.playbook` is looked up in.

    Raises ValueError for a run that cannot be started as described, `guard.Survivors` when a process cannot be killed,
    and whatever on_event or should_stop raise; the processes of the run are ended in every case.
    """
    hosts = _checked(run, playbooks)
    started, mark = time.monotonic(), uuid.uuid4().hex
    recorder = Recorder(run.inventory, run.on_event)
    watch = _Watch(mark, run.time_limit_s, run.should_stop)
    secrets = _write_inputs(run)
    config = _config(run, playbooks, mark, forks=min(len(hosts), MAX_FORKS))

    def handle(event: dict[str, Any]) -> bool:
        if event.get("event") == "playbook_on_start":
            _remove(secrets)  # Ansible has read them by now; they need not lie there any longer
        recorder.handle(event)
        if event.get("event") == "playbook_on_stats":
            guard.let_end(mark)  # All is told; what Ansible cleans up then lies in our folder and takes it 0.2 s
        return False  # ansible-runner need not keep it on disk

    try:
        _, code = Runner(config, event_handler=handle, cancel_callback=watch).run()
    finally:
        guard.end_run(mark)
        _remove(secrets)
    status: RunStatus = recorder.verdict or watch.verdict or ("successful" if code == 0 else "failed")
    return RunResult(status, recorder.results(hosts, status), time.monotonic() - started)


def _checked(run: Run, playbooks: Path) -> list[str]:
    """The hosts of the run. Raises ValueError."""
    hosts = list(run.inventory.get("all", {}).get("hosts", {}))
    if not hosts:
        raise ValueError("the inventory has no hosts under all")
    if Path(run.playbook).name != run.playbook or not (playbooks / run.playbook).is_file():
        raise ValueError(f"no playbook {run.playbook!r} in {playbooks}")
    if run.time_limit_s <= 0:
        raise ValueError("time_limit_s must be above 0")
    folder = run.private_data_dir.stat()
    if stat.S_IMODE(folder.st_mode) != 0o700 or folder.st_uid != os.getuid():
        raise ValueError("private_data_dir must be our own and of mode 0700")
    return hosts


def _write_inputs(run: Run) -> list[Path]:
    """Inventory and extra variables as files of mode 0600 (a command line would show them to every user)."""
    extra: dict[str, Any] = {**run.extra_vars, "ansible_python_interpreter": sys.executable}
    if run.fence is not None:
        extra["fence_file"] = str(run.fence)
    inputs: dict[str, Mapping[str, Any]] = {"inventory.json": run.inventory, "extra_vars.json": extra}
    for name, value in inputs.items():
        handle = os.open(run.private_data_dir / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file)
    return [run.private_data_dir / name for name in inputs]


def _config(run: Run, playbooks: Path, mark: str, *, forks: int) -> RunnerConfig:
    config = RunnerConfig(
        private_data_dir=str(run.private_data_dir),
        project_dir=str(playbooks),
        playbook=run.playbook,
        inventory=str(run.private_data_dir / "inventory.json"),
        fact_cache_type="none",
        ident=mark,
        quiet=True,
    )
    config.prepare()
    # Set after prepare(), which overwrites or mixes these with what it finds in files and in our environment.
    config.command = _command(run, playbooks, forks)
    config.env = _environment(run.private_data_dir, config.artifact_dir, mark)
    config.pexpect_timeout = _POLL_S
    config.suppress_output_file = True
    return config


def _command(run: Run, playbooks: Path, forks: int) -> list[str]:
    """The guard, and behind it ansible-playbook of the very Python we run on, whatever PATH says."""
    folder = run.private_data_dir
    ansible = [sys.executable, "-m", "ansible.cli.playbook", "--forks", str(forks)]
    inputs = ["-i", str(folder / "inventory.json"), "-e", f"@{folder / 'extra_vars.json'}"]
    wrapper = [sys.executable, "-I", "-S", str(Path(guard.__file__).resolve()), str(os.getpid())]
    return [*wrapper, *ansible, *inputs, str(playbooks / run.playbook)]


def _environment(folder: Path, artifact_dir: str, mark: str) -> dict[str, str]:
    """All that Ansible sees of the environment: the worker's own (database, broker, keys) is not handed on."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "NO_COLOR": "1",
        "ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"),
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "true",
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
        "ANSIBLE_CALLBACK_PLUGINS": get_callback_dir(),
        "AWX_ISOLATED_DATA_DIR": artifact_dir,
        guard.RUN_MARK: mark,
    }


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
