"""Servers and switches as the playbooks would leave them, without Ansible: what may never be is refused at once.

Its switches do exactly what they are told. Going from one network to another by way of none is the role's duty too;
here it is left out, so that what keeps to it is what is tested: the order of the steps, and the rows.
"""

import json
from datetime import timedelta
from pathlib import Path

from portal.core import clock
from portal.fleet.models import BMC, Network, NetworkKind, Server
from portal.operations.models import BootPurpose, BootToken, OperationServer
from portal.operations.states import PartState
from provisioning.acceptance.collected import SCHEMA
from provisioning.runs import HostResult, RunResult
from tests import factories

WELL, REFUSED, UNHEARD, DEAD = "well", "refused", "unheard", "dead"
FORTUNES = (WELL, REFUSED, UNHEARD, DEAD)
"""A host's share of a run: it works, nothing is done, it is done but the answer is lost, the worker dies after it."""
BOOTS = {
    "deploy_boot.yml": NetworkKind.PROVISIONING,
    "erase_boot.yml": NetworkKind.CLEANING,
    "inspect_boot.yml": NetworkKind.CLEANING,
    "boot_disk.yml": NetworkKind.TENANT,
    "rescue_boot.yml": NetworkKind.TENANT,
}
"""Where a server must be for what a playbook boots it into."""


class Died(BaseException):
    """The worker is gone: nothing of it may catch this."""


class Metal:
    """All machines. ``vlans`` and ``is_on`` are by a server's public id; ``journal`` is what happened, in order."""

    def __init__(self):
        # Its servers have no GPUs, nor tools that would tell of them.
        factories.server_type(is_emulated=True)
        self.vlans, self.is_on, self.journal, self.fortunes = {}, {}, [], []

    def network(self, server):
        """Return the network that a server is in now, by asking the switch."""
        vlan_id = self.vlans.get(server.public_id)
        return None if vlan_id is None else Network.objects.get(fabric=server.fabric_id, vlan_id=vlan_id)

    def run(self, run):
        """Do a playbook's work, host by host, each with the next of the ``fortunes``."""
        hosts = {}
        for name, known in run.inventory["all"]["hosts"].items():
            fortune = self.fortunes.pop(0) if self.fortunes else WELL
            if fortune == REFUSED:
                hosts[name] = HostResult(ok=False, error_code="bmc_refused")
                continue
            facts = self._act(run.playbook, Server.objects.get(public_id=name), known, run.extra_vars)
            if fortune == DEAD:
                raise Died
            unheard = HostResult(ok=False, error_code="run_failed")
            hosts[name] = unheard if fortune == UNHEARD else HostResult(ok=True, facts=facts)
        return RunResult("successful", hosts, 0.0)

    def _act(self, playbook, server, known, told):
        name = server.public_id
        if playbook == "move_port.yml":
            return self._move(server, known["port_network"])
        if playbook in ("power_off.yml", "shut_down.yml"):
            self.is_on[name] = False
        elif playbook == "power_on.yml":
            self._switch_on(server, NetworkKind.TENANT)
        elif playbook in BOOTS:
            self._switch_on(server, BOOTS[playbook])
        elif playbook == "bmc_baseline.yml":
            return _as_recorded(server)
        elif playbook == "verify_ssh.yml":
            (Path(told["verify_ssh_folder"]) / f"{name}.json").write_text(_without_tools())
        elif playbook == "hand_over.yml":
            folder = Path(told["hand_over_folder"])
            (folder / f"{name}.json").write_text(self._cluster_of(json.loads((folder / "cluster.json").read_text())))
        return {"done": True}

    def _cluster_of(self, given):
        """Answer as a server that reaches all others."""
        peers = dict.fromkeys(given["hosts"].values(), "ok")
        return json.dumps({"key": factories.CLUSTER_KEY, "answer": json.dumps({"peers": peers})})

    def _move(self, server, wanted):
        before, after = self.vlans.get(server.public_id), wanted and wanted["vlan_id"]
        assert before is None or after in (None, before), f"{server} went from VLAN {before} straight to {after}"
        if after is not None and after != before:
            assert not self.is_on.get(server.public_id), f"{server} entered {wanted} while it was switched on"
        self.vlans[server.public_id] = after
        self.journal.append((server.name, wanted["kind"] if wanted else "none"))
        return {"port_network": {"vlan_id": after}}

    def _switch_on(self, server, kind):
        network = self.network(server)
        assert network is not None, f"{server} was switched on in no network"
        assert network.kind == kind, f"{server} was switched on in {network}"
        self.is_on[server.public_id] = True
        self.journal.append((server.name, "on"))

    def report(self):
        """Let every machine that is waited for say that all went well; return how many there were."""
        awaiting = OperationServer.objects.filter(state=PartState.AWAITING).exclude(stage="hand_over")
        waiting = awaiting.select_related("operation__image", "server")
        for part in waiting:
            purpose = _awaited(part)
            fields = {"result": _said(part, purpose), "reported_at": clock.now(), "opened_at": clock.now()}
            if purpose == BootPurpose.FIRST_BOOT:
                BootToken.objects.filter(part=part, purpose=purpose).delete()
                expires_at = clock.now() + timedelta(hours=1)
                BootToken.objects.create(
                    part=part, purpose=purpose, token_sha256=f"{part.pk:064d}", expires_at=expires_at, **fields
                )
            else:
                # The installer switches itself off, the eraser waits to be switched off.
                self.is_on[part.server.public_id] = purpose != BootPurpose.IMAGE
                BootToken.objects.filter(part=part, purpose=purpose, revoked_at=None).update(**fields)
        return len(waiting)


def _awaited(part):
    names = {"inspection": "inspect"}
    return names.get(part.stage, part.stage)


def _said(part, purpose):
    if purpose == BootPurpose.IMAGE:
        image = part.operation.image
        return {"ok": True, "sha256": image.disk_sha256, "bytes_written": image.disk_bytes}
    if purpose == BootPurpose.RESCUE:
        return {"ok": True, "host_keys": [factories.HOST_KEY]}
    if purpose == BootPurpose.FIRST_BOOT:
        return {"ok": True, "hostname": part.hostname, "host_keys": [factories.HOST_KEY]}
    return factories.said_of_drives(*[factories.drive_report(drive) for drive in part.server.drives.order_by("pk")])


def _without_tools():
    answer = {"schema": SCHEMA, "hostname": "a", "kernel": "6.1", "time": 0.5, "tools": {}}
    return json.dumps({"began": 0.0, "ended": 1.0, "answer": json.dumps(answer)})


def _as_recorded(server):
    bmc = BMC.objects.get(server=server)
    account = {"name": bmc.username, "role": "Administrator", "enabled": True}
    boot = {"target": "None", "enabled": "Disabled", "order": list(bmc.boot_order)}
    found = {"accounts": [account], "boot": boot, "media": [], "firmware": [], "ipmi": "off"}
    return {"password": "changed", "controller": found}
