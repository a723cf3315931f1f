"""The script that a delivered machine answers with, run as cloud-init and as sshd run it."""

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from portal.core import clock
from portal.operations.on_machine import AGENT_PATH, agent, agent_script, key_line


@pytest.fixture
def tools(tmp_path):
    """Return a function that puts a tool on the machine, and the folder that is its PATH."""

    def make(name, script):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path.parent

    return make


def asked(question, folder, script=agent.__file__):
    environment = {"PATH": str(folder), "SSH_CONNECTION": "1"} | (
        {"SSH_ORIGINAL_COMMAND": question} if question else {}
    )
    return subprocess.run([sys.executable, "-I", script], env=environment, capture_output=True, text=True, timeout=120)


def test_it_collects_what_tools_say_and_names_those_that_are_absent(tools):
    tools("nvidia-smi", 'echo "$@"')
    folder = tools("ibstat", "exit 3")

    found = json.loads(asked("collect", folder).stdout)

    assert found["schema"] == "metalyard.collected/1"
    assert abs(found["time"] - clock.now().timestamp()) < 120
    assert found["tools"]["nvidia_smi"] == {"status": 0, "out": "-q -x\n", "cut": False}
    assert found["tools"]["nvidia_topology"]["out"] == "topo -m\n"
    assert found["tools"]["ibstat"] == {"status": 3, "out": "", "cut": False}
    assert found["tools"]["dcgm"] == {"absent": True}


def test_what_is_too_long_is_cut(tools):
    folder = tools(
        "ibstat", "while :; do echo 0123456789012345678901234567890123456789; done | /usr/bin/head -c 2000000"
    )

    said = json.loads(asked("collect", folder).stdout)["tools"]["ibstat"]

    assert (len(said["out"]), said["cut"]) == (agent.MOST_BYTES, True)


@pytest.mark.parametrize("question", ["", "collect; id", "bash", "hostname -f", "install"])
def test_it_answers_nothing_else(tmp_path, question):
    done = asked(question, tmp_path)

    assert (done.returncode, done.stdout) == (2, "")


def test_it_tells_its_name(tmp_path):
    assert asked("hostname", tmp_path).stdout.strip() == os.uname().nodename


def test_run_by_cloud_init_it_puts_itself_where_the_forced_command_is(tmp_path, monkeypatch):
    monkeypatch.setattr(agent, "INSTALLED", tmp_path / "metalyard" / "agent")
    monkeypatch.setattr(agent, "HANDED", tmp_path / "opt" / "handover")
    monkeypatch.setattr(agent, "SSH_CONFIG", tmp_path / "ssh_config.d" / "metalyard.conf")
    monkeypatch.setattr(agent, "OWNER", pwd.getpwuid(os.getuid()).pw_name)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.delenv("SSH_ORIGINAL_COMMAND", raising=False)

    assert agent.main() == 0

    assert (tmp_path / "metalyard" / "agent").read_text() == Path(agent.__file__).read_text()
    assert os.access(tmp_path / "metalyard" / "agent", os.X_OK)
    assert (tmp_path / "opt" / "handover").stat().st_uid == os.getuid()
    included = (tmp_path / "ssh_config.d" / "metalyard.conf").read_text()
    assert included == f"Include {tmp_path / 'opt' / 'handover'}/ssh_config\n"


def test_the_seed_names_the_account_that_the_kit_is_for():
    found = {}
    exec(compile(agent_script("o'neil"), "agent", "exec"), {"__name__": "agent"}, found)  # noqa: S102 - our own script

    assert (found["OWNER"], agent.OWNER) == ("o'neil", "")
    assert agent_script("debian").replace("OWNER = 'debian'", 'OWNER = ""') == Path(agent.__file__).read_text()


def test_the_key_runs_the_script_where_it_installs_itself():
    assert str(agent.INSTALLED) == AGENT_PATH
    assert f'restrict,command="{AGENT_PATH}",expiry-time=' in key_line("ssh-ed25519 AAAA", clock.now())
