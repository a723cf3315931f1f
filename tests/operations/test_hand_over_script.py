"""The hand-over on a delivered machine: the script run as sshd runs it, with OpenSSH's own client and a real server."""

import asyncio
import base64
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import asyncssh
import pytest

from portal.operations.on_machine import agent
from portal.reservations.handover.kit import kit_of, kit_zip
from portal.reservations.handover.nodes import on_nodes
from tests.reservations.handover.clusters import cluster, node

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICU3b26v5xa0ezWQhc3FIxdw2SS9UawWPTihW6QWvjNx"
SECOND_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEE4MZ0oqEvEEDnMtIsAGVbc2RRrFCOOhRyM2Xtl7Yr2"


TRIED = "TRIES, PAUSE_S = 3, 2"


class Node:
    """A machine: a home, a folder for the kit, and the script in which that folder is another than /opt/handover."""

    def __init__(self, folder):
        self.home, self.handed, self.script = folder / "home", folder / "handover", folder / "agent"
        self.tools = folder / "bin"
        self.tools.mkdir()
        self.home.mkdir()
        self.handed.mkdir()
        text = Path(agent.__file__).read_text().replace("/opt/handover", str(self.handed))
        assert TRIED in text
        self.script.write_text(text.replace(TRIED, "TRIES, PAUSE_S = 2, 0"))
        self.keys = self.home / ".ssh" / "authorized_keys"

    def ask(self, question, given=b""):
        environment = {"PATH": f"{self.tools}:{os.environ['PATH']}", "HOME": str(self.home), "SSH_CONNECTION": "1"}
        return subprocess.run(
            [sys.executable, "-I", str(self.script)],
            env=environment | {"SSH_ORIGINAL_COMMAND": question},
            input=given,
            capture_output=True,
            timeout=120,
        )

    def put(self, tool, script):
        (self.tools / tool).write_text(f"#!/bin/sh\n{script}\n")
        (self.tools / tool).chmod(0o755)

    def give(self, archive, *keys):
        told = {"kit": base64.b64encode(archive).decode(), "keys": list(keys)}
        return self.ask("hand-over", json.dumps(told).encode())


@pytest.fixture
def machine(tmp_path):
    return Node(tmp_path)


def archive_of(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def test_it_makes_its_key_once_and_tells_the_public_half(machine):
    first, second = machine.ask("cluster-key"), machine.ask("cluster-key")

    key = machine.home / ".ssh" / "metalyard_cluster"
    assert first.returncode == 0, first.stderr
    assert agent.PUBLIC_KEY.fullmatch(first.stdout.decode().strip())
    assert second.stdout == first.stdout
    assert key.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE KEY" in key.read_text()
    assert [path.name for path in (machine.home / ".ssh").iterdir()] == ["metalyard_cluster"]


def test_a_key_that_is_there_is_never_replaced(machine):
    folder = machine.home / ".ssh"
    folder.mkdir()
    (folder / "metalyard_cluster").write_text("mine")

    done = machine.ask("cluster-key")

    assert (done.returncode, done.stdout) == (1, b"")
    assert (folder / "metalyard_cluster").read_text() == "mine"


def test_the_kit_comes_whole_and_the_customers_keys_stay(machine):
    machine.keys.parent.mkdir()
    machine.keys.write_bytes(b"# my keys \xff\nssh-ed25519 AAAA ana@lab\n")
    some = on_nodes(cluster())

    assert machine.give(kit_zip(some), f"{KEY} train-01").stdout == b"done\n"
    assert machine.give(kit_zip(some), f"{KEY} train-01", f"{SECOND_KEY} train-02").returncode == 0

    assert {path.name: path.read_bytes() for path in machine.handed.iterdir()} == kit_of(some)
    assert (machine.handed / "torchrun.sh").stat().st_mode & 0o777 == 0o755
    assert (machine.handed / "ssh_config").stat().st_mode & 0o777 == 0o644
    assert machine.keys.read_bytes().splitlines() == [
        b"# my keys \xff", b"ssh-ed25519 AAAA ana@lab",
        f"{KEY} metalyard-cluster:train-01".encode(), f"{SECOND_KEY} metalyard-cluster:train-02".encode(),
    ]  # fmt: skip
    assert machine.keys.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("archive", "key"),
    [
        (b"no archive", f"{KEY} a"),
        (archive_of(), f"{KEY} a"),
        (archive_of(**{"handover__..": "x"}), f"{KEY} a"),
        (archive_of(**{"handover__a__..__b": "x"}), f"{KEY} a"),
        (archive_of(**{".hidden": "x"}), f"{KEY} a"),
        (archive_of(hosts="x"), KEY),
        (archive_of(hosts="x"), f"{KEY} a\nssh-ed25519 BBBB"),
        (archive_of(hosts="x"), f'command="id" {KEY} a'),
        (archive_of(hosts="x"), "ssh-rsa AAAA a"),
    ],
)
def test_what_is_not_to_be_taken_changes_nothing(machine, archive, key):
    machine.keys.parent.mkdir()
    machine.keys.write_text("ssh-ed25519 AAAA ana@lab\n")

    done = machine.give(archive, key)

    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"metalyard: ")
    assert list(machine.handed.iterdir()) == []
    assert machine.keys.read_text() == "ssh-ed25519 AAAA ana@lab\n"


@pytest.mark.parametrize("question", ["hand-over", "peers", "all-reduce"])
@pytest.mark.parametrize(
    "given", [b"", b"[]", b"{", b"{}", b'{"kit": 1, "keys": 2, "hosts": "a"}', b'{"hosts": ["-oProxyCommand=id"]}']
)
def test_nonsense_is_refused(machine, question, given):
    assert machine.ask(question, given).returncode == 1
    assert not machine.keys.exists()


def test_what_is_too_long_is_refused(machine):
    assert b"too much" in machine.ask("peers", b" " * (agent.MOST_GIVEN + 1)).stderr


def test_who_cannot_be_tried_in_time_counts_as_not_reached(machine):
    machine.script.write_text(machine.script.read_text().replace("30, 300\n", "30, 0\n"))

    said = json.loads(machine.ask("peers", b'{"hosts": ["train-01"]}').stdout)

    assert said == {"peers": {"train-01": "no time was left to try it"}}


class Sshd:
    """SSH servers, each with its own host key, that let one client key in."""

    def __init__(self, public):
        self.public, self.ports, self.keys = public, [], [asyncssh.generate_private_key("ssh-ed25519") for _ in "ab"]
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)

    async def serve(self):
        self.stop, self.loop = asyncio.Event(), asyncio.get_running_loop()
        servers = [
            await asyncssh.create_server(
                asyncssh.SSHServer, "127.0.0.1", 0, server_host_keys=[key],
                process_factory=lambda process: process.exit(0 if process.command == "true" else 9),
                authorized_client_keys=asyncssh.import_authorized_keys(self.public),
            ) for key in self.keys
        ]  # fmt: skip
        self.ports = [server.sockets[0].getsockname()[1] for server in servers]
        self.ready.set()
        await self.stop.wait()

    def __enter__(self):
        self.thread.start()
        assert self.ready.wait(60)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join()


def test_it_logs_in_to_the_others_and_says_who_did_not_let_it_in(machine):
    public = machine.ask("cluster-key").stdout.decode()
    with Sshd(public) as sshd:
        pins = [key.export_public_key().decode().strip() for key in sshd.keys]
        at = {"address": "127.0.0.1", "user": "ubuntu"}
        kit = kit_zip(
            on_nodes(
                cluster(
                    node(1, port=sshd.ports[0], host_keys=(pins[0],), **at),
                    node(2, port=sshd.ports[1], host_keys=(pins[0],), **at),
                    node(3, port=1, host_keys=(pins[0],), **at),
                )
            )
        )
        # OpenSSH itself looks for known hosts where the script's own folder is here.
        files = {
            name: content.replace(b"/opt/handover", bytes(machine.handed)).replace(b"~/", bytes(machine.home) + b"/")
            for name, content in unzipped(kit).items()
        }
        assert machine.give(archive_of(**files), f"{public.strip()} train-01").returncode == 0

        done = machine.ask("peers", json.dumps({"hosts": ["train-01", "train-02", "train-03"]}).encode())
        with_another_key = machine.home / ".ssh" / "metalyard_cluster"
        with_another_key.unlink()
        machine.ask("cluster-key")
        refused = machine.ask("peers", b'{"hosts": ["train-01"]}')

    said = json.loads(done.stdout)["peers"]
    assert said["train-01"] == "ok"
    assert said["train-02"] == "Host key verification failed."
    assert "refused" in said["train-03"]
    assert "Permission denied" in json.loads(refused.stdout)["peers"]["train-01"]


def unzipped(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name.rpartition("/")[2]: opened.read(name) for name in opened.namelist()}


def measuring(machine, mpirun='for word; do echo "$word"; done'):
    """Make it a machine of three with the tools; Open MPI is one that does not start anything."""
    assert machine.give(kit_zip(on_nodes(cluster())), f"{KEY} train-01").returncode == 0
    machine.put("mpirun", mpirun)
    machine.put("all_reduce_perf", "exit 9")


def all_reduce(machine, *hosts, patience_s=5):
    return machine.ask("all-reduce", json.dumps({"hosts": list(hosts), "patience_s": patience_s}).encode())


def test_it_measures_over_the_machines_that_were_named_and_no_other(machine):
    measuring(machine, 'cat "$2"; shift 2; for word; do echo "$word"; done')

    said = json.loads(all_reduce(machine, "train-03", "train-01").stdout)

    lines = said["out"].splitlines()
    assert (said["status"], said["cut"]) == (0, False)
    assert lines[:2] == ["train-01 slots=8", "train-03 slots=8"], "in the order of the fabric, whatever was asked"
    assert lines[2:6] == ["-np", "16", "--bind-to", "none"]
    assert f"-F {machine.handed}/ssh_config -o BatchMode=yes" in lines
    assert lines[-9:] == ["all_reduce_perf", *agent.ALL_REDUCE_SIZES]


def test_without_the_tools_it_says_that_they_are_absent(machine):
    measuring(machine)
    (machine.tools / "all_reduce_perf").unlink()

    assert json.loads(all_reduce(machine, "train-01").stdout) == {"absent": True}


def test_a_measurement_that_hangs_is_ended_and_says_so(machine):
    measuring(machine, "trap 'echo ended; exit 3' TERM; while :; do sleep 0.1; done")

    said = json.loads(all_reduce(machine, "train-01", patience_s=1).stdout)

    assert (said["status"], said["out"]) == (124, "ended\n")


@pytest.mark.parametrize(
    "told",
    [
        {"hosts": ["train-01"]},
        {"hosts": ["train-01"], "patience_s": 0},
        {"hosts": ["train-01"], "patience_s": True},
        {"hosts": ["train-01"], "patience_s": "9; id"},
        {"hosts": ["train-01"], "patience_s": agent.MOST_PATIENCE_S + 1},
        {"hosts": [], "patience_s": 5},
        {"hosts": ["train-01", "train-09"], "patience_s": 5},
        {"hosts": ["--hostfile"], "patience_s": 5},
        {"hosts": "train-01", "patience_s": 5},
    ],
)
def test_a_measurement_that_is_not_to_be_made_is_refused(machine, told):
    measuring(machine, f"touch {machine.home}/started")

    done = machine.ask("all-reduce", json.dumps(told).encode())

    assert (done.returncode, done.stdout) == (1, b"")
    assert not (machine.home / "started").exists()
