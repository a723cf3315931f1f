"""The cluster step by the real playbook: servers that speak SSH, and what is said in files only."""

from __future__ import annotations

import asyncio
import json
import threading

import asyncssh
import pytest

from provisioning.runner import Run, run
from tests import factories
from tests.playbooks.test_verify_ssh import HOST_KEY, VERIFY_KEY, public, variables

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEE4MZ0oqEvEEDnMtIsAGVbc2RRrFCOOhRyM2Xtl7Yr2"
KIT = b"PK\x03\x04 a kit"


class Servers:
    """SSH servers by name: ``answers`` are what each says to a question, ``asked`` what they were asked and given."""

    def __init__(self, **answers):
        self.answers, self.ports, self.asked = answers, {}, []
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)

    async def serve(self):
        self.stop, self.loop = asyncio.Event(), asyncio.get_running_loop()
        for name in self.answers:
            server = await asyncssh.create_server(
                asyncssh.SSHServer, "127.0.0.1", 0, server_host_keys=[HOST_KEY], encoding=None,
                process_factory=lambda process, name=name: self.answer(name, process),
                authorized_client_keys=asyncssh.import_authorized_keys(f"restrict {public(VERIFY_KEY)}"),
            )  # fmt: skip
            self.ports[name] = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.stop.wait()

    async def answer(self, name, process):
        given = b""
        while more := await process.stdin.read(1 << 20):
            given += more
        self.asked.append((process.command, name, given))
        said = self.answers[name].get(process.command, b"{}")
        if isinstance(said, str):
            process.stderr.write(said.encode())
            process.exit(1)
        else:
            process.stdout.write(said)
            process.exit(0)

    def __enter__(self):
        self.thread.start()
        assert self.ready.wait(60)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join()


def key(line):
    return {"cluster-key": line.encode() + b"\n", "hand-over": b"done\n", "peers": b'{"peers": {}}'}


def hand_over(servers, private_data_dir, folder, keys=(), measuring="", **more):
    (folder / "kit.zip").write_bytes(KIT)
    names = {name: f"gpu-{number}" for number, name in enumerate(servers.answers)}
    all_reduce = {"server": measuring, "hosts": list(names.values())} if measuring else None
    (folder / "cluster.json").write_text(json.dumps({"hosts": names, "keys": list(keys), "all_reduce": all_reduce}))
    hosts = {name: variables(port) for name, port in servers.ports.items()}
    events = []
    result = run(
        Run(
            playbook="hand_over.yml", inventory={"all": {"hosts": hosts}}, time_limit_s=200, fence=None,
            extra_vars={"hand_over_folder": str(folder), **more}, private_data_dir=private_data_dir,
            on_event=events.append, should_stop=lambda: False,
        )
    )  # fmt: skip
    assert "PRIVATE KEY" not in repr((result, events))
    assert "AAAAC3NzaC1lZDI1NTE5AAAA" not in repr((result, events)), "a server's answer went through Ansible's values"
    return result


def test_all_make_keys_before_any_is_handed_them_and_all_log_in_after_that(private_data_dir, tmp_path):
    with Servers(a=key(factories.CLUSTER_KEY), b=key(OTHER_KEY), c=key(OTHER_KEY)) as servers:
        result = hand_over(servers, private_data_dir, tmp_path, keys=[f"{OTHER_KEY} older"])

    questions = [question for question, _, _ in servers.asked]
    given = {(question, name): json.loads(given) for question, name, given in servers.asked if given}
    assert all(host.ok for host in result.hosts.values())
    assert questions == ["cluster-key"] * 3 + ["hand-over"] * 3 + ["peers"] * 3
    assert given["hand-over", "a"] == given["hand-over", "c"] == {
        "kit": "UEsDBCBhIGtpdA==",
        "keys": [
            f"{OTHER_KEY} older", f"{factories.CLUSTER_KEY} gpu-0", f"{OTHER_KEY} gpu-1", f"{OTHER_KEY} gpu-2",
        ],
    }  # fmt: skip
    # Each begins with its next one.
    assert [given["peers", name]["hosts"] for name in "abc"] == [
        ["gpu-1", "gpu-2"],
        ["gpu-2", "gpu-0"],
        ["gpu-0", "gpu-1"],
    ]
    assert json.loads((tmp_path / "a.json").read_text()) == {"key": factories.CLUSTER_KEY, "answer": '{"peers": {}}'}


@pytest.mark.parametrize(
    "hostile",
    [
        "ssh-ed25519 AAAA",
        f"{OTHER_KEY}\n{OTHER_KEY}",
        f'command="id" {OTHER_KEY}',
        f"{OTHER_KEY} {{{{ lookup('pipe', 'id') }}}}",
        "ssh-rsa " + "A" * 2_000_000,
    ],
)
def test_what_is_no_key_goes_to_nobody(private_data_dir, tmp_path, hostile):
    with Servers(a=key(hostile), b=key(OTHER_KEY)) as servers:
        result = hand_over(servers, private_data_dir, tmp_path)

    (given,) = [json.loads(given) for question, _, given in servers.asked if question == "hand-over"]
    assert (result.hosts["a"].error_code, result.hosts["b"].error_code) == ("handover_failed", "")
    assert given["keys"] == [f"{OTHER_KEY} gpu-1"]
    assert not (tmp_path / "a.json").exists()


def test_a_server_that_does_not_take_it_says_why_and_the_others_go_on(private_data_dir, tmp_path):
    refusing = key(OTHER_KEY) | {"hand-over": "metalyard: no space \x1b[2J left\n"}
    with Servers(a=refusing, b=key(factories.CLUSTER_KEY)) as servers:
        result = hand_over(servers, private_data_dir, tmp_path)

    assert (result.hosts["a"].error_code, result.hosts["b"].ok) == ("handover_failed", True)
    assert "no space" in result.hosts["a"].error
    assert "\x1b" not in result.hosts["a"].error
    assert [name for question, name, _ in servers.asked if question == "peers"] == ["b"]


def test_nobody_at_home(private_data_dir, tmp_path):
    with Servers(a=key(OTHER_KEY)) as servers:
        servers.ports["a"] = 1
        result = hand_over(servers, private_data_dir, tmp_path, hand_over_timeout_s=1)

    assert result.hosts["a"].error_code == "ssh_unreachable"


def reaching(*others, line=OTHER_KEY, **more):
    return key(line) | {"peers": json.dumps({"peers": dict.fromkeys(others, "ok")}).encode()} | more


SAID = json.dumps({"status": 0, "out": "{{ lookup('pipe', 'id') }}", "cut": False})


def test_the_one_that_measures_does_so_after_all_logged_in_and_its_word_is_kept_as_it_is(private_data_dir, tmp_path):
    first = reaching("gpu-1", **{"all-reduce": SAID.encode()})
    with Servers(a=first, b=reaching("gpu-0")) as servers:
        result = hand_over(servers, private_data_dir, tmp_path, measuring="a", hand_over_all_reduce_timeout_s=90)

    asked = [(name, json.loads(given)) for question, name, given in servers.asked if question == "all-reduce"]
    assert all(host.ok for host in result.hosts.values())
    assert asked == [("a", {"hosts": ["gpu-0", "gpu-1"], "patience_s": 60})]
    assert [question for question, _, _ in servers.asked][-1] == "all-reduce"
    kept = json.loads((tmp_path / "a.json").read_text())
    assert (kept["all_reduce"], json.loads(kept["answer"])) == (SAID, {"peers": {"gpu-1": "ok"}})
    assert "all_reduce" not in json.loads((tmp_path / "b.json").read_text())
    assert "lookup" not in repr(result)


@pytest.mark.parametrize("said", [b'{"peers": {"gpu-0": "No route to host"}}', b'{"peers": {}}', b"[", b'{"peers": 3}'])
def test_where_one_does_not_reach_all_nothing_is_measured(private_data_dir, tmp_path, said):
    with Servers(a=reaching("gpu-1"), b=reaching() | {"peers": said}) as servers:
        result = hand_over(servers, private_data_dir, tmp_path, measuring="a")

    assert all(host.ok for host in result.hosts.values())
    assert "all-reduce" not in {question for question, _, _ in servers.asked}


def test_one_that_cannot_measure_fails_by_itself(private_data_dir, tmp_path):
    with Servers(a=reaching("gpu-1", **{"all-reduce": "no host file\n"}), b=reaching("gpu-0")) as servers:
        result = hand_over(servers, private_data_dir, tmp_path, measuring="a")

    assert (result.hosts["a"].error_code, result.hosts["b"].ok) == ("handover_failed", True)
