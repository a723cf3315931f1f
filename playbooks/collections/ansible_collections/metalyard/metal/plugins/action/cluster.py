# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin `metalyard.metal.cluster`: make the servers of a run one cluster, in four steps of all of them.

`key`: the server makes its key and tells the public half. `hand_over`: it is given the kit, and the public keys of all
that told theirs. `peers`: it logs in to each of these and says how that went. `all_reduce`: the one that is to measure
does so, when all logged in to all. With Ansible's linear strategy a step begins when the one before is over everywhere.

What is given lies in the `folder`: `kit.zip`, and `cluster.json` with the host names by inventory name (`hosts`), the
keys of servers outside of the run (`keys`), and which server measures over which host names (`all_reduce`, or null).
What a server tells goes there too, into `HOST.key` and `HOST.json`, and never through Ansible's values; a key is sent
on only when it is one line of the one kind that is expected.

Address and keys come from the host's variables. Arguments: `step`, `timeout_s` (seconds it may take), `folder`.
Returns: `report` with the step; on failure `error_code` and `msg`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.metalyard.metal.plugins.plugin_utils.hostname import NEEDED, Login, give, login_of
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal

PUBLIC_KEY = re.compile(r"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}")
MOST_BYTES = 1024 * 1024
END_S = 30
"""What is left of the time for a tool that must be ended, and for saying so."""


class ActionModule(ActionBase):
    """See the module's docstring."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _VALID_ARGS = frozenset({"step", "timeout_s", "folder"})

    def run(self, tmp: object = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Do one step; a failure ends this host, and only this host."""
        super().run(tmp, task_vars)
        step, known = str(self._task.args.get("step")), task_vars or {}
        try:
            missing = [name for name in NEEDED if name not in known]
            if missing:
                raise Refusal("bad_variables", f"Missing: {', '.join(missing)}.")
            login = login_of({name: self._templar.template(known[name]) for name in NEEDED})
            folder, timeout_s = Path(str(self._task.args["folder"])), float(self._task.args["timeout_s"])
            if step not in _STEPS:
                raise Refusal("bad_variables", f"step must be {' or '.join(_STEPS)}.")
            _STEPS[step](_Server(login, folder, str(known["inventory_hostname"]), timeout_s))
        except Refusal as refusal:
            return {"failed": True, "error_code": refusal.code, "msg": refusal.message, "report": {}}
        return {"changed": step in ("key", "hand_over"), "report": {"step": step}}


class _Server:
    """One server of the run, as this step sees it."""

    def __init__(self, login: Login, folder: Path, name: str, timeout_s: float) -> None:
        self._login, self._folder, self._name, self._timeout_s = login, folder, name, timeout_s
        told = json.loads((folder / "cluster.json").read_text(encoding="utf-8"))
        self._hosts: dict[str, str] = told["hosts"]
        self._older: list[str] = told["keys"]
        self._measuring: dict[str, Any] = told.get("all_reduce") or {}

    def key(self) -> None:
        """Have it make its key."""
        said = self._give("cluster-key", b"").decode("utf-8", "replace").strip()
        if not PUBLIC_KEY.fullmatch(said):
            raise Refusal("handover_failed", "The server told no Ed25519 key.")
        (self._folder / f"{self._name}.key").write_text(said, encoding="utf-8")

    def hand_over(self) -> None:
        """Give it the kit and the keys of all."""
        kit = base64.b64encode((self._folder / "kit.zip").read_bytes()).decode()
        keys = [f"{key} {self._hosts[name]}" for name, key in self._keys().items()]
        self._give("hand-over", json.dumps({"kit": kit, "keys": self._older + keys}).encode())

    def peers(self) -> None:
        """Have it log in to all others, each server beginning with its next one, so that none is stormed."""
        keys = self._keys()
        names = list(keys)
        at = names.index(self._name)
        others = [self._hosts[name] for name in names[at + 1 :] + names[:at]]
        said = self._give("peers", json.dumps({"hosts": others}).encode()).decode("utf-8", "replace")
        document = json.dumps({"key": keys[self._name], "answer": said})
        (self._folder / f"{self._name}.json").write_text(document, encoding="utf-8")

    def all_reduce(self) -> None:
        """Have it measure over all, where it is the one that does."""
        if self._measuring.get("server") != self._name or not all(self._reached_all(name) for name in self._hosts):
            return
        patience_s = max(1, int(self._timeout_s) - END_S)
        told = json.dumps({"hosts": self._measuring["hosts"], "patience_s": patience_s}).encode()
        said = self._give("all-reduce", told).decode("utf-8", "replace")
        file = self._folder / f"{self._name}.json"
        document = json.loads(file.read_text(encoding="utf-8")) | {"all_reduce": said}
        file.write_text(json.dumps(document), encoding="utf-8")

    def _reached_all(self, name: str) -> bool:
        """Tell whether a server said that it reached all others; measuring where one did not would only take time."""
        try:
            said = json.loads(json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))["answer"])[
                "peers"
            ]
            return all(said.get(other) == "ok" for key, other in self._hosts.items() if key != name)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return False

    def _keys(self) -> dict[str, str]:
        """The keys of the servers that told theirs in this run."""
        files = {name: self._folder / f"{name}.key" for name in self._hosts}
        return {name: file.read_text(encoding="utf-8") for name, file in files.items() if file.is_file()}

    def _give(self, question: str, given: bytes) -> bytes:
        asking = give(self._login, question, given, timeout_s=self._timeout_s, most_bytes=MOST_BYTES)
        return asyncio.run(asking)


_STEPS = {
    "key": _Server.key,
    "hand_over": _Server.hand_over,
    "peers": _Server.peers,
    "all_reduce": _Server.all_reduce,
}
