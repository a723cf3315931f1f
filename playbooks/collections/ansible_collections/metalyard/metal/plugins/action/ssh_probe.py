# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin `metalyard.metal.ssh_probe`: is the delivered server the one the customer asked for?

Logs in with the one-time verification key, pinned to the host keys the server reported, and compares its host name.
Address, keys and the expected name come from the host's variables; the name is a tenant's text and is only compared.

Arguments: `timeout_s` (seconds in which a session must succeed).
Returns: `report` with the host name read; on failure `error_code` and `msg`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.metalyard.metal.plugins.plugin_utils.hostname import Login, read_hostname
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal

_NEEDED = ("ssh_host", "ssh_port", "ssh_user", "ssh_host_keys", "ssh_verify_key", "tenant_hostname")


class ActionModule(ActionBase):
    """See the module's docstring."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _VALID_ARGS = frozenset({"timeout_s"})

    def run(self, tmp: object = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Probe once; a failure ends this host, and only this host."""
        super().run(tmp, task_vars)
        try:
            values = self._values(task_vars or {})
            name = asyncio.run(read_hostname(_login(values), timeout_s=float(self._task.args.get("timeout_s", 10))))
            if name != values["tenant_hostname"]:
                raise Refusal("ssh_wrong_hostname", f"The server calls itself {name or 'nothing'}.")
        except Refusal as refusal:
            return {"failed": True, "error_code": refusal.code, "msg": refusal.message, "report": {}}
        return {"changed": False, "report": {"hostname": name}}

    def _values(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        missing = [name for name in _NEEDED if name not in task_vars]
        if missing:
            raise Refusal("bad_variables", f"Missing: {', '.join(missing)}.")
        return {name: self._templar.template(task_vars[name]) for name in _NEEDED}


def _login(values: Mapping[str, Any]) -> Login:
    try:
        return Login(
            host=str(values["ssh_host"]),
            port=int(values["ssh_port"]),
            user=str(values["ssh_user"]),
            host_keys=[str(line) for line in values["ssh_host_keys"]],
            private_key=str(values["ssh_verify_key"]),
        )
    except (TypeError, ValueError) as error:
        raise Refusal("bad_variables", "ssh_port must be a number and ssh_host_keys a list.") from error
