"""Machines and a switch of network namespaces, each machine on one port, with nothing configured on the switch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.provisioning.simulator.emulator import until

FRAMES = Path(__file__).with_name("frames.py")
KINDS = ("arp", "ipv4", "ipv6")


def ip(*words):
    answer = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, f"ip {' '.join(words)}: {answer.stderr}"
    return answer.stdout


class Machine:
    """One machine; all are in one subnet, so that only the switch keeps them apart."""

    def __init__(self, label: str, number: int, switch: str):
        self.label, self.number = label, number
        self.namespace = f"{switch}-{label}"
        self.port = f"p-{label}"
        self.mac = f"02:00:00:77:00:{number:02x}"
        self.ip, self.ip6 = f"10.77.0.{number}", f"fe80::77:{number:x}"
        self.heard: list[dict] = []

    def is_up(self, switch) -> bool:
        """Whether the card's link has come up and the bridge forwards from it: the kernel takes up to a second."""
        (card,), (port,) = (
            json.loads(ip("-n", where, "-j", "-d", "link", "show", "dev", name))
            for where, name in ((self.namespace, "eth0"), (switch, self.port))
        )
        forwards = port.get("linkinfo", {}).get("info_slave_data", {}).get("state") == "forwarding"
        return (card["operstate"], port["operstate"], forwards) == ("UP", "UP", True)

    def inside(self, *argv, **more):
        return subprocess.run(
            ["ip", "netns", "exec", self.namespace, *argv], capture_output=True, text=True, check=False, **more
        )

    def pings(self, other) -> bool:
        answer = self.inside("ping", "-n", "-c", "2", "-i", "0.2", "-W", "2", other.ip)
        return answer.returncode == 0

    def pings6(self, other) -> bool:
        answer = self.inside("ping", "-6", "-n", "-c", "2", "-i", "0.2", "-W", "2", f"{other.ip6}%eth0")
        return answer.returncode == 0

    def connects(self, other) -> bool:
        """Whether TCP comes through to the other, which listens meanwhile."""
        listening = (
            f"import socket; s = socket.create_server(('{other.ip}', 7777)); print('up', flush=True); s.accept()"
        )
        argv = ["ip", "netns", "exec", other.namespace, sys.executable, "-c", listening]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout.readline() == "up\n"
            calling = f"import socket; socket.create_connection(('{other.ip}', 7777), 3)"
            came = self.inside(sys.executable, "-c", calling).returncode == 0
            server.kill()
        return came

    def send(self, kind, others, name):
        order = {
            "kind": kind, "id": name, "from": self.ip, "from6": self.ip6, "to": [other.ip for other in others],
            "to6": [other.ip6 for other in others], "macs": [other.mac for other in others],
        }  # fmt: skip
        answer = self.inside(sys.executable, str(FRAMES), "send", "eth0", input=json.dumps(order) + "\n")
        assert answer.returncode == 0, answer.stderr

    def knows(self, name) -> bool:
        return any(frame.get("id") == name for frame in self.heard)

    def heard_of(self, other) -> list[dict]:
        """All frames that came from the other's card, whatever they are."""
        return [frame for frame in self.heard if frame["from"] == other.mac]

    @contextmanager
    def listening(self):
        """Note every frame at the machine's card for as long as the block runs."""
        argv = ["ip", "netns", "exec", self.namespace, sys.executable, str(FRAMES), "listen", "eth0"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert json.loads(process.stdout.readline()) == {"listening": "eth0"}
            self.heard = []
            reader = threading.Thread(target=lambda: self.heard.extend(map(json.loads, process.stdout)))
            reader.start()
            try:
                yield
            finally:
                process.stdin.close()
                reader.join(60)


@contextmanager
def wired(*labels):
    """The switch's namespace and the machines by label; nothing of it is left when the block ends."""
    switch = f"my{os.getpid()}"
    machines = {label: Machine(label, number, switch) for number, label in enumerate(labels, 1)}
    with ExitStack() as made:
        for namespace in (switch, *(machine.namespace for machine in machines.values())):
            ip("netns", "add", namespace)
            made.callback(ip, "netns", "del", namespace)
        for machine in machines.values():
            ends = ["type", "veth", "peer", "name", "eth0", "netns", machine.namespace]
            ip("-n", switch, "link", "add", machine.port, *ends)
            inside = ["-n", machine.namespace]
            ip(*inside, "link", "set", "dev", "eth0", "address", machine.mac, "addrgenmode", "none")
            ip(*inside, "link", "set", "dev", "eth0", "up")
            ip(*inside, "addr", "add", f"{machine.ip}/24", "dev", "eth0")
            ip(*inside, "addr", "add", f"{machine.ip6}/64", "dev", "eth0", "nodad")
        yield switch, machines


def spread(sender, name, *, machines, witnesses, unplugged=()):
    """Have the sender call all others in every way; what each machine heard is complete when this returns.

    A witness in the sender's network has heard it all; then each machine calls out itself, and hears itself last. One
    that is unplugged cannot; what has come to its card is read before it stops to listen.
    """
    others = [machine for machine in machines if machine is not sender]
    with ExitStack() as ears:
        for machine in machines:
            ears.enter_context(machine.listening())
        for kind in KINDS:
            sender.send(kind, others, f"{name}-{kind}")
        for witness in witnesses:
            for kind in KINDS:
                until(lambda witness=witness, kind=kind: witness.knows(f"{name}-{kind}"))
        for machine in set(machines) - set(unplugged):
            machine.send("mark", [], f"end-{machine.number}")
            until(lambda machine=machine: machine.knows(f"end-{machine.number}"))
