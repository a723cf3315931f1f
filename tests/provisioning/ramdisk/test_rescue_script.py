"""The job "rescue" as far as it goes without a network card and an SSH server, which are programs of the test here."""

from __future__ import annotations

import json
import stat

import pytest

from tests.provisioning.ramdisk.scripts import needs_busybox, run

pytestmark = needs_busybox

JOB = {
    "kind": "rescue",
    "hostname": "gpu-01",
    "ssh_authorized_keys": ["ssh-ed25519 A a", "ssh-rsa B"],
    "host_key": "PEM\n",
}
PROGRAMS = {
    "dropbearconvert": 'echo "$@" >>{folder}/asked; sed s/PEM/OWN/ "$3" >"$4"',
    "dropbearkey": 'echo "Public key portion is:"; echo "ssh-ed25519 HOST root@gpu-01"; echo "Fingerprint: x"',
    "dropbear": 'echo "$@" >>{folder}/asked',
}
# What needs a kernel of its own to be done.
STUBS = """
hostname() { :; }
modprobe() { :; }
keep_lease() { :; }
mount() { :; }
mkdir() { [ "$2" = /dev/pts ] || /bin/mkdir "$@"; }
"""


def rescue(folder, job=JOB, **broken):
    for name, script in {**PROGRAMS, **broken}.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\n{script.format(folder=folder)}\n")
        program.chmod(0o755)
    (folder / "job.json").write_text(json.dumps(job))
    return run(
        "portal", "rescue", then=f"{STUBS}(do_rescue) || failure_as_json >$RESULT", run_folder=folder, path=folder,
        ROOT_HOME=folder / "root",
    )  # fmt: skip


def result(folder):
    return json.loads((folder / "result.json").read_text())


def test_the_keys_of_the_job_open_it_and_its_host_key_is_reported(tmp_path):
    done = rescue(tmp_path)

    assert result(tmp_path) == {"ok": True, "host_keys": ["ssh-ed25519 HOST"]}, done.stderr
    keys = tmp_path / "root/.ssh/authorized_keys"
    assert keys.read_text() == "ssh-ed25519 A a\nssh-rsa B\n"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (keys, keys.parent, tmp_path / "ssh", tmp_path / "ssh/host")]
    assert modes == [0o600, 0o700, 0o700, 0o600]
    assert (tmp_path / "asked").read_text().splitlines()[-1].endswith("-p 22 -s -j -k -E")


def test_the_host_key_is_kept_where_the_server_has_it_and_nowhere_else(tmp_path):
    rescue(tmp_path)

    assert [path.name for path in (tmp_path / "ssh").iterdir()] == ["host"]
    assert (tmp_path / "ssh/host").read_text() == "OWN\n\n", "in dropbear's form"
    assert json.loads((tmp_path / "job.json").read_text()) == {key: JOB[key] for key in JOB if key != "host_key"}


@pytest.mark.parametrize(
    "job, broken, detail",
    [
        ({**JOB, "ssh_authorized_keys": []}, {}, "nobody who may log in"),
        ({key: JOB[key] for key in JOB if key != "ssh_authorized_keys"}, {}, "nobody who may log in"),
        (JOB, {"dropbearconvert": "echo no key; exit 1"}, "cannot be used: no key"),
        (JOB, {"dropbear": "exit 1"}, "the SSH server does not start"),
    ],
    ids=["no keys", "no list of keys", "a broken host key", "no server"],
)
def test_what_does_not_start_is_reported(tmp_path, job, broken, detail):
    rescue(tmp_path, job, **broken)

    assert (result(tmp_path)["ok"], result(tmp_path)["error"]) == (False, "agent_error")
    assert detail in result(tmp_path)["detail"]
