# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin `metalyard.metal.ssh_probe`: is the delivered server the one the customer asked for?

Logs in with the one-time verification key, pinned to the host keys the server reported, and compares its host name.
Address, keys and the expected name come from the host's variables; the name is a tenant's text and is only compared.

With a `folder` it then has the server collect what it says of itself. The answer is hostile until it is parsed: up to
a limit it goes into a file of that folder, named by the host's inventory name, and never through Ansible's values.

Arguments: `timeout_s` (seconds in which a session must succeed), `folder` (nothing is collected without it).
Returns: `report` with the host name read; on failure `error_code` and `msg`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.metalyard.metal.plugins.plugin_utils.hostname import (
    NEEDED,
    Login,
    ask,
    login_of,
    read_hostname,
)
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal

MOST_BYTES = 2 * 1024 * 1024
COLLECTING_S = 150
"""The tools have a minute each, and most take a second."""


class ActionModule(ActionBase):
    """See the module's docstring."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _VALID_ARGS = frozenset({"timeout_s", "folder"})

    def run(self, tmp: object = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Probe once; a failure ends this host, and only this host."""
        super().run(tmp, task_vars)
        try:
            values = self._values(task_vars or {})
            login, timeout_s = login_of(values), float(self._task.args.get("timeout_s", 10))
            name = asyncio.run(read_hostname(login, timeout_s=timeout_s))
            if name != values["tenant_hostname"]:
                raise Refusal("ssh_wrong_hostname", f"The server calls itself {name or 'nothing'}.")
            if folder := str(self._task.args.get("folder") or ""):
                host = str((task_vars or {})["inventory_hostname"])
                asyncio.run(_collect(login, Path(folder) / f"{host}.json"))
        except Refusal as refusal:
            return {"failed": True, "error_code": refusal.code, "msg": refusal.message, "report": {}}
        return {"changed": False, "report": {"hostname": name}}

    def _values(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        missing = [name for name in NEEDED if name not in task_vars]
        if missing:
            raise Refusal("bad_variables", f"Missing: {', '.join(missing)}.")
        return {name: self._templar.template(task_vars[name]) for name in NEEDED}


async def _collect(login: Login, path: Path) -> None:
    """Keep what the server collects, with the times between which it was asked, by which its clock is judged."""
    began = time.time()
    answer = await ask(login, "collect", timeout_s=COLLECTING_S, most_bytes=MOST_BYTES)
    document = {"began": began, "ended": time.time(), "answer": answer.decode("utf-8", "replace")}
    path.write_text(json.dumps(document), encoding="utf-8")
