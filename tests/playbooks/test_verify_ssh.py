"""The last proof before a server is handed over: it answers over SSH, with its own key, under its name."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import asyncssh
import pytest

from provisioning.acceptance.collected import Unreadable, read_collected
from provisioning.runner import Run, run

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
VERIFY_KEY = asyncssh.generate_private_key("ssh-ed25519")
OTHER_KEY = asyncssh.generate_private_key("ssh-ed25519")


class _Sshd:
    """A real SSH server that answers the verification key as a delivered one does."""

    def __init__(self, hostname: str, collected: str = ""):
        self.hostname, self.collected = hostname, collected
        self.port = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self):
        self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
        line = f"restrict {VERIFY_KEY.export_public_key().decode()}"
        server = await asyncssh.create_server(
            asyncssh.SSHServer, "127.0.0.1", 0, server_host_keys=[HOST_KEY], process_factory=self._answer,
            authorized_client_keys=asyncssh.import_authorized_keys(line), encoding=None,
        )  # fmt: skip
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    def _answer(self, process):
        process.stdout.write(
            self.collected.encode() if process.command == "collect" else self.hostname.encode() + b"\n"
        )
        process.exit(0)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


def public(key) -> str:
    return key.export_public_key().decode().strip()


def variables(port, **changes):
    return {
        "ssh_host": "127.0.0.1",
        "ssh_port": port,
        "ssh_user": "ubuntu",
        "ssh_host_keys": [public(HOST_KEY)],
        "ssh_verify_key": VERIFY_KEY.export_private_key().decode(),
        "tenant_hostname": {"__ansible_unsafe": "gpu-01"},
        "verify_ssh_timeout_s": 60,
        **changes,
    }


def verify(folder, hosts, **extra):
    events = []
    result = run(
        Run(
            playbook="verify_ssh.yml", inventory={"all": {"hosts": hosts}}, time_limit_s=200, fence=None,
            extra_vars=extra, private_data_dir=folder, on_event=events.append,
            should_stop=lambda: False,
        )
    )  # fmt: skip
    assert "PRIVATE KEY" not in repr((result, events))
    return result


def test_each_server_is_proven_or_says_what_is_wrong(private_data_dir):
    with _Sshd("gpu-01") as sshd:
        hosts = {
            "srv_ok": variables(sshd.port),
            "srv_name": variables(sshd.port, tenant_hostname={"__ansible_unsafe": "gpu-02"}),
            "srv_key": variables(sshd.port, ssh_host_keys=[public(OTHER_KEY)]),
            "srv_no_keys": variables(sshd.port, ssh_host_keys=[]),
            "srv_login": variables(sshd.port, ssh_verify_key=OTHER_KEY.export_private_key().decode()),
            # Only what nobody answers is to run out of time, and must not take the test's.
            "srv_closed": variables(1, verify_ssh_timeout_s=2),
            "srv_bad_key": variables(sshd.port, ssh_verify_key="not a key"),
        }
        result = verify(private_data_dir, hosts)

    assert {host: entry.error_code for host, entry in result.hosts.items()} == {
        "srv_ok": "",
        "srv_name": "ssh_wrong_hostname",
        "srv_key": "ssh_host_key_mismatch",
        "srv_no_keys": "ssh_host_key_mismatch",
        "srv_login": "ssh_auth_failed",
        "srv_closed": "ssh_unreachable",
        "srv_bad_key": "bad_variables",
    }
    assert result.hosts["srv_ok"].facts == {"hostname": "gpu-01"}


def test_a_hostname_that_is_a_template_is_compared_and_never_run(private_data_dir, tmp_path):
    canary = tmp_path / "canary"
    hostile = "{{ lookup('pipe', 'touch " + str(canary) + "') }}"
    with _Sshd("gpu-01") as sshd:
        result = verify(
            private_data_dir, {"srv_a": variables(sshd.port, tenant_hostname={"__ansible_unsafe": hostile})}
        )

    assert result.hosts["srv_a"].error_code == "ssh_wrong_hostname"
    assert not canary.exists()


def test_control_without_the_unsafe_tag_the_same_hostname_is_run(private_data_dir, tmp_path):
    """Shows that the tag is what protects, so it must never be forgotten."""
    canary = tmp_path / "canary"
    hostile = "{{ lookup('pipe', 'touch " + str(canary) + "') }}"
    with _Sshd("gpu-01") as sshd:
        verify(private_data_dir, {"srv_a": variables(sshd.port, tenant_hostname=hostile)})

    assert canary.exists()


@pytest.mark.parametrize("where", ["host", "extra"])
def test_the_unsafe_tag_works_in_inventory_and_extra_variables(private_data_dir, tmp_path, where):
    canary: Path = tmp_path / "canary"
    hostile = {"__ansible_unsafe": "{{ lookup('pipe', 'touch " + str(canary) + "') }}"}
    with _Sshd(hostile["__ansible_unsafe"]) as sshd:
        given = {"tenant_hostname": hostile}
        host = variables(sshd.port, **given) if where == "host" else variables(sshd.port)
        result = verify(private_data_dir, {"srv_a": host}, **(given if where == "extra" else {}))

    assert result.hosts["srv_a"].ok
    assert result.hosts["srv_a"].facts["hostname"] == hostile["__ansible_unsafe"]
    assert not canary.exists()


def test_what_a_server_says_of_itself_goes_into_a_file_and_through_no_template(private_data_dir, tmp_path):
    canary = tmp_path / "canary"
    hostile = "{{ lookup('pipe', 'touch " + str(canary) + "') }}\n\x1b[2J" + "x" * 100_000
    folder = tmp_path / "said"
    folder.mkdir()
    with _Sshd("gpu-01", collected=hostile) as sshd:
        result = verify(private_data_dir, {"srv_a": variables(sshd.port)}, verify_ssh_folder=str(folder))

    kept = json.loads((folder / "srv_a.json").read_text())
    assert result.hosts["srv_a"].facts == {"hostname": "gpu-01"}
    assert kept["answer"] == hostile
    assert kept["began"] <= kept["ended"]
    assert not canary.exists()
    with pytest.raises(Unreadable):
        read_collected((folder / "srv_a.json").read_text())


def test_a_server_that_never_stops_talking_is_heard_up_to_the_limit(private_data_dir, tmp_path):
    with _Sshd("gpu-01", collected="x" * (3 * 1024 * 1024)) as sshd:
        verify(private_data_dir, {"srv_a": variables(sshd.port)}, verify_ssh_folder=str(tmp_path))

    assert len(json.loads((tmp_path / "srv_a.json").read_text())["answer"]) == 2 * 1024 * 1024
