"""The table of commands: it answers, and never does anything."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.simulator.fleet import Spec
from provisioning.simulator.shell import COMMANDS, LONGEST_LINE, Answer, Host, answer, welcome
from tests.provisioning.simulator.emulator import entry

HOST = Host(Spec(**entry(1)), "gpu-01", "ubuntu", "Test Linux 1", "#!/bin/sh\ntouch /tmp/x\n")


@pytest.mark.parametrize(
    "line,out",
    [
        ("hostname", "gpu-01\n"),
        ("whoami", "ubuntu\n"),
        ("pwd", "/home/ubuntu\n"),
        ("nproc", "112\n"),
        ("true", ""),
        ("", ""),
        ("  ", ""),
        ("echo 'a  b' c", "a  b c\n"),
        ("cat /etc/hostname /etc/os-release", 'gpu-01\nPRETTY_NAME="Test Linux 1"\n'),
        ("cat /var/lib/cloud/instance/user-data.txt", HOST.user_data),
        ("nvidia-smi -L", "".join(f"GPU {n}: H100\n" for n in range(8))),
        ("lsblk", f"NAME    SIZE SERIAL\nnvme0n1 {HOST.spec.disk_bytes} D1\n"),
        ("uname -a", "Linux gpu-01 6.8.0-emulated x86_64 GNU/Linux\n"),
    ],
)
def test_what_it_knows(line, out):
    assert answer(HOST, line) == Answer(out)


def test_what_it_does_not_know():
    found = answer(HOST, "rm -rf /")

    assert (found.out, found.status) == ("", 127)
    assert found.err.startswith("bash: rm: command not found (emulated server: it knows cat, echo,")
    assert answer(HOST, "false").status == 1
    assert answer(HOST, "cat /etc/shadow") == Answer(err="cat: /etc/shadow: No such file or directory\n", status=1)
    assert answer(HOST, "echo 'open").status == 2
    assert answer(HOST, "echo " + "x" * LONGEST_LINE) == Answer(
        err="bash: the line is too long (emulated server)\n", status=2
    )


def test_a_table_of_gpus_and_a_greeting():
    assert answer(HOST, "nvidia-smi").out.count("H100") == 8
    assert welcome(HOST, {"os": "Test Linux 1"}) == "Test Linux 1 on gpu-01 (emulated H100)\n"


@given(
    st.one_of(st.text(max_size=200), st.builds(" ".join, st.lists(st.sampled_from([*COMMANDS, ";", "$(id)", "`id`"]))))
)
def test_whatever_is_typed_is_answered_and_nothing_is_started(line):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", lambda *_a, **_k: pytest.fail("a process was started"))

        found = answer(HOST, line)

    assert found.status in (0, 1, 2, 127)
