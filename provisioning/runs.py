"""What goes into a run of a playbook and what comes out of it: plain values, no Ansible in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

EventStatus = Literal["started", "ok", "failed", "skipped"]
RunStatus = Literal["successful", "failed", "timed_out", "stopped"]


@dataclass(frozen=True)
class RunnerEvent:
    """One thing that happened to one host. `error_code`, `msg` and `duration_s` are empty unless it is over."""

    host: str
    task: str
    status: EventStatus
    error_code: str = ""
    msg: str = ""
    duration_s: float = 0.0


@dataclass(frozen=True)
class Run:
    """One playbook over a batch of servers.

    playbook: file name in the playbooks folder. inventory: Ansible's JSON inventory, hosts under "all".
    fence: the fence file; when given, its path reaches the plugins as `fence_file`, and `fence_epoch` must be among the
    extra variables or the inventory's. private_data_dir: an empty folder of mode 0700 (`workspace`).
    on_event is called for each event, should_stop about twice a second, both in the calling thread.
    """

    playbook: str
    inventory: dict[str, Any]
    extra_vars: dict[str, Any]
    time_limit_s: int
    fence: Path | None
    private_data_dir: Path
    on_event: Callable[[RunnerEvent], None]
    should_stop: Callable[[], bool]


@dataclass(frozen=True)
class HostResult:
    """How it ended for one host. `facts` is what the plugins returned under `report`.

    Besides the plugins' own codes, `error_code` can be run_failed (Ansible itself failed; `error` says how),
    bad_variables, run_timed_out or run_stopped (the host was not done when the run ended).
    """

    ok: bool
    error_code: str = ""
    error: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunResult:
    """The whole run; `hosts` has an entry for every host of the inventory."""

    status: RunStatus
    hosts: dict[str, HostResult]
    duration_s: float
