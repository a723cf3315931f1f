"""From ansible-runner's event dictionaries to our typed events and results, without secrets in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Literal

from provisioning.runs import EventStatus, HostResult, RunnerEvent, RunStatus

SECRET_VARIABLES = frozenset({"bmc_password", "bmc_next_password", "ssh_verify_key", "boot_uri", "switch_password"})
REDACTED = "[redacted]"
_KINDS: dict[str, EventStatus] = {
    "runner_on_start": "started",
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "failed",
    "runner_on_skipped": "skipped",
}
_VALIDATION = "ansible.builtin.validate_argument_spec"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_MAX_MESSAGE = 500
_KEPT_LINES = 8
# More members of a list than a plugin reads are not from a plugin of ours.
_MAX_ENTRIES = 256


class Recorder:
    """Collects one run. Give it every event; ask for the results once the run is over."""

    def __init__(self, inventory: Mapping[str, Any], on_event: Callable[[RunnerEvent], None]) -> None:
        self._secrets = sorted(set(secrets_of(inventory)), key=len, reverse=True)
        self._on_event = on_event
        self._failed: dict[str, tuple[str, str]] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._seen_ok: set[str] = set()
        self._said: list[str] = []
        self.verdict: Literal["successful", "failed"] | None = None
        """How the run ended, once Ansible has said so."""

    def handle(self, event: Mapping[str, Any]) -> None:
        """Take in one event of ansible-runner."""
        name = event.get("event")
        if name == "playbook_on_stats":
            told = event.get("event_data") or {}
            self.verdict = "failed" if told.get("failures") or told.get("dark") else "successful"
        elif name in _KINDS:
            self._host_event(_KINDS[str(name)], event["event_data"])
        elif name in ("verbose", "error", "warning") and event.get("stdout"):
            self._said = [*self._said, self.clean(str(event["stdout"]))][-_KEPT_LINES:]

    def results(self, hosts: list[str], status: RunStatus) -> dict[str, HostResult]:
        """One result per host. A host that reported without failing is done even if the run was cut short."""
        return {host: self._result(host, status) for host in hosts}

    def clean(self, text: str) -> str:
        """`text` on one line, shortened, with every secret of this run blotted out."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        text = _ANSI.sub("", text)
        return "".join(char if char.isprintable() else " " for char in text).strip()[:_MAX_MESSAGE]

    def _host_event(self, status: EventStatus, data: Mapping[str, Any]) -> None:
        host, result = str(data["host"]), data.get("res") or {}
        code, message = "", ""
        if status == "failed" and not data.get("ignore_errors"):
            code = str(result.get("error_code") or _code_of(data))
            message = self.clean(str(result.get("msg", "")))
            self._failed.setdefault(host, (code, message))
        elif status == "ok":
            self._seen_ok.add(host)
        if isinstance(report := result.get("report"), dict):
            self._facts.setdefault(host, {}).update(self._clean_value(report))
        duration_s = float(data.get("duration") or 0)
        self._on_event(RunnerEvent(host, str(data.get("task", "")), status, code, message, duration_s))

    def _result(self, host: str, status: RunStatus) -> HostResult:
        facts = self._facts.get(host, {})
        if host in self._failed:
            code, message = self._failed[host]
            return HostResult(ok=False, error_code=code, error=message, facts=facts)
        if facts or (self.verdict and host in self._seen_ok):
            return HostResult(ok=True, facts=facts)
        if status in ("timed_out", "stopped"):
            return _not_done(f"run_{status}", "The run ended before this server was done.")
        return _not_done("run_failed", "Ansible did not run: " + " ".join(self._said)[-_MAX_MESSAGE:])

    def _clean_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, Mapping):
            return {str(key): self._clean_value(item) for key, item in islice(value.items(), _MAX_ENTRIES)}
        return [self._clean_value(item) for item in value[:_MAX_ENTRIES]] if isinstance(value, list) else value


def secrets_of(inventory: Any) -> Iterator[str]:
    """Every secret text in the inventory, tagged unsafe or not, whole and (for keys) line by line."""
    if not isinstance(inventory, Mapping):
        return
    for name, value in inventory.items():
        if name in SECRET_VARIABLES:
            text = value.get("__ansible_unsafe") if isinstance(value, Mapping) else value
            if isinstance(text, str) and text:
                yield text
                yield from (line for line in text.splitlines() if len(line) > 20)
        else:
            yield from secrets_of(value)


def _not_done(code: str, why: str) -> HostResult:
    return HostResult(ok=False, error_code=code, error=why)


def _code_of(data: Mapping[str, Any]) -> str:
    is_validation = _VALIDATION in (data.get("task_action"), data.get("resolved_action"))
    return "bad_variables" if is_validation else "run_failed"
