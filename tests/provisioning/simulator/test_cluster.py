"""Emulated machines as one cluster: what keeps one from another, and what is left after a reboot."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace

import asyncssh
import pytest

from portal.operations.on_machine import AGENT_PATH, agent
from portal.reservations.handover.kit import kit_of, kit_zip
from portal.reservations.handover.nodes import on_nodes
from provisioning.acceptance.band import Band
from provisioning.acceptance.bandwidth import bandwidth_of
from provisioning.acceptance.collected import read_output
from provisioning.acceptance.nccl import read_all_reduce
from provisioning.simulator.cluster import FOLDER, QUESTIONS
from provisioning.simulator.faults import Fault
from provisioning.simulator.fleet import Spec
from provisioning.simulator.shell import Host, answer
from provisioning.simulator.sshd import Sshd
from tests.provisioning.simulator.emulator import entry
from tests.provisioning.simulator.ssh_client import KEY, public
from tests.reservations.handover.clusters import cluster, node

HOST_KEYS = [asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode() for _ in range(2)]
NAMES = ["train-01", "train-02"]


class Pair:
    """Two machines with SSH servers; ``reaches`` is what the network says."""

    def __init__(self, loop):
        self.loop, self.kept, self.reaches, self.faults = loop, [{}, {}], True, set()
        self.specs = [Spec(**entry(number)) for number in (1, 2)]
        self.machines = [self.booted(number) for number in range(2)]

    def booted(self, number):
        host = Host(
            self.specs[number],
            NAMES[number],
            "ubuntu",
            "Test Linux 1",
            "",
            self.faults.__contains__,
            reaches=lambda _other: self.reaches,
        )
        seed = {"ssh_authorized_keys": [f'command="{AGENT_PATH}" {public(KEY)}'], "handover": self.kept[number]}
        made = Sshd(self.loop, host, {}, seed, HOST_KEYS[number], self.kept[number].update)
        made.start()
        return made

    def ask(self, number, question, **given):
        return self.machines[number].member.answer(question, json.dumps(given))

    def hand_over(self):
        """Do the whole step, as the playbook does."""
        nodes = [
            node(
                number + 1,
                address=made.host.spec.ssh_host,
                port=made.host.spec.ssh_port,
                host_keys=(asyncssh.import_private_key(HOST_KEYS[number]).export_public_key().decode().strip(),),
            )
            for number, made in enumerate(self.machines)
        ]
        self.kit = on_nodes(cluster(*nodes))
        keys = [f"{self.ask(number, 'cluster-key').out.strip()} {name}" for number, name in enumerate(NAMES)]
        for number in range(2):
            kit = base64.b64encode(kit_zip(self.kit)).decode()
            assert self.ask(number, "hand-over", kit=kit, keys=keys).out == "done\n"

    def peer(self):
        """Return how the first reaches the second."""
        return json.loads(self.ask(0, "peers", hosts=[NAMES[1]]).out)["peers"][NAMES[1]]


@pytest.fixture
def pair(loop):
    made = Pair(loop)
    yield made
    for machine in made.machines:
        machine.stop()


def test_it_knows_the_questions_of_the_script():
    assert set(agent.ANSWERS) == {"hostname", "collect", *QUESTIONS}


def test_a_key_is_told_again_as_it_was(pair):
    told = pair.ask(0, "cluster-key").out

    assert agent.PUBLIC_KEY.fullmatch(told.strip())
    assert pair.ask(0, "cluster-key").out == told != pair.ask(1, "cluster-key").out


def test_two_that_were_handed_over_reach_each_other_and_have_the_kit(pair):
    pair.hand_over()

    host, kit = pair.machines[0].host, kit_of(pair.kit)
    assert pair.peer() == "ok"
    assert answer(host, f"ls {FOLDER}").out.split() == sorted(kit)
    assert answer(host, f"cat {FOLDER}/ssh_config").out == kit["ssh_config"].decode()


def test_a_machine_knows_after_a_reboot_what_it_was_handed(pair):
    pair.hand_over()
    pair.machines[1].stop()
    assert pair.peer() == "No route to host"

    pair.machines[1] = pair.booted(1)

    assert pair.peer() == "ok"
    assert answer(pair.machines[1].host, f"cat {FOLDER}/hostfile").out == kit_of(pair.kit)["hostfile"].decode()


def test_what_keeps_one_from_the_other(pair):
    pair.hand_over()
    first, second = (machine.member for machine in pair.machines)

    pair.reaches = False
    assert pair.peer() == "No route to host"
    pair.reaches = True
    second.let_in.remove(first.key)
    assert pair.peer() == "Permission denied (publickey)."
    second.host_key = first.host_key
    assert pair.peer() == "Host key verification failed."


@pytest.mark.parametrize(
    ("question", "given"),
    [
        ("hand-over", {}),
        ("hand-over", {"kit": "eA==", "keys": []}),
        ("hand-over", {"kit": "", "keys": 3}),
        ("peers", {"hosts": ["a"]}),
        ("all-reduce", {"hosts": ["a"]}),
    ],
)
def test_nonsense_is_refused(pair, question, given):
    found = pair.ask(0, question, **given)

    assert (found.status, found.out) == (1, "")
    assert found.err.startswith("metalyard: ")
    assert pair.kept == [{}, {}]


def test_what_they_reduce_together_is_a_test_double_within_the_band_unless_something_is_wrong(pair):
    pair.hand_over()
    band = Band(servers=2, gpus=8, least=350, most=500, is_emulated=True)

    def judged(band):
        return bandwidth_of(read_output(json.loads(pair.ask(0, "all-reduce", hosts=NAMES, patience_s=60).out)), band)

    assert judged(band).result == "test_double"
    assert judged(replace(band, is_emulated=False)).failure == "allreduce_failed"
    pair.faults.add(Fault.FABRIC_SLOW)
    assert judged(band).failure == "allreduce_slow"


def test_it_measures_over_those_that_were_named(pair):
    pair.hand_over()

    alone = read_output(json.loads(pair.ask(1, "all-reduce", hosts=NAMES[1:], patience_s=60).out))

    assert read_all_reduce(alone.text).ranks == {NAMES[1]: 8}
    assert pair.ask(0, "all-reduce", hosts=["train-09"], patience_s=60).status == 1


def test_the_portals_key_asks_these_questions_with_input(pair):
    async def go():
        spec = pair.machines[0].host.spec
        async with asyncssh.connect(
            spec.ssh_host, spec.ssh_port, username="ubuntu", client_keys=[KEY], known_hosts=None, config=None,
            agent_path=None,
        ) as connection:  # fmt: skip
            told = await connection.run("cluster-key")
            refused = await connection.run("hand-over", input="x" * 100_000)
            return told.stdout, refused.exit_status

    told, status = asyncio.run(go())

    assert (told, status) == (pair.ask(0, "cluster-key").out, 1)
