"""The metal of the cluster step, with what goes wrong between its servers."""

import json
import zipfile
from pathlib import Path

from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation, OperationEvent
from portal.operations.states import OperationKind
from portal.reservations.models import Reservation
from provisioning.catalogue import CATALOGUE, GatherStep
from provisioning.runs import HostResult
from provisioning.simulator.all_reduce import table
from tests import factories
from tests.provisioning.metal_stand_in import Died, Metal

STEPS = CATALOGUE[OperationKind.DEPLOY].steps
GATHER = next(index for index, step in enumerate(STEPS) if isinstance(step, GatherStep))
VERIFY, DONE = GATHER - 1, GATHER + 2
NAMES = ["train-01", "train-02", "train-03", "train-04"]


class Yard(Metal):
    """The metal, with what goes wrong between its servers; ``runs`` are the servers of each cluster run, by name."""

    def __init__(self):
        super().__init__()
        self.runs, self.cut_off, self.silent, self.dies, self.given = [], set(), {}, 0, []
        self.measuring, self.slow = [], []

    def run(self, run):
        if run.playbook != "hand_over.yml":
            return super().run(run)
        folder = Path(run.extra_vars["hand_over_folder"])
        told = json.loads((folder / "cluster.json").read_text())
        self.runs.append(sorted(told["hosts"].values()))
        self.given.append((told["keys"], (folder / "kit.zip").read_bytes()))
        if self.dies:
            self.dies -= 1
            raise Died
        found = super().run(run)
        for name, hostname in told["hosts"].items():
            if hostname in self.silent:
                found.hosts[name] = HostResult(ok=False, error_code=self.silent[hostname])
            peers = {
                other: "No route to host" if {hostname, other} & self.cut_off else "ok"
                for other in told["hosts"].values()
            }
            answer = {"key": factories.CLUSTER_KEY, "answer": json.dumps({"peers": peers})}
            if told["all_reduce"] and told["all_reduce"]["server"] == name:
                answer["all_reduce"] = self._measure(folder, told["all_reduce"]["hosts"])
            (folder / f"{name}.json").write_text(json.dumps(answer))
        return found

    def _measure(self, folder, hosts):
        self.measuring.append(hosts)
        with zipfile.ZipFile(folder / "kit.zip") as kit:
            hostfile = kit.read("handover/hostfile").decode()
        out = table(hostfile, hosts, self.slow.pop(0) if self.slow else 1)
        return json.dumps({"status": 0, "out": out, "cut": False})

    def _switch_on(self, server, kind):
        """Boot it wherever it is: moving ports has tests of its own."""


def deployed(count):
    """Return a deployment whose servers are all to be verified next."""
    factories.servers(count)
    reservation = factories.reservation(starts_at=None, count=count, name="train")
    operation = Operation.objects.get(subject=reservation.public_id)
    operation.parts.update(step=VERIFY, host_keys=[factories.HOST_KEY])
    Server.objects.update(state=ServerState.DEPLOYING)
    return operation


def reservation_of(operation):
    return Reservation.objects.get(public_id=operation.subject)


def told(operation, event_type):
    events = OperationEvent.objects.filter(operation=operation, type=event_type)
    return sorted(events.values_list("hostname", flat=True))
