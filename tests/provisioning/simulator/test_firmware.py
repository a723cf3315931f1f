"""What the firmware of a virtual machine is told between two starts. Real firmware obeys it in tests/end_to_end."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from provisioning.simulator import vm
from provisioning.simulator.firmware import boot_once_from, seen_by_guest
from tests.provisioning.virtual_machine import needs_qemu

PORTAL = ("127.0.0.1", 8123)


def printed(variables):
    command = [sys.executable, "-m", "virt.firmware.vars", "--input", str(variables), "--print"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@needs_qemu
def test_the_next_start_boots_an_address_and_the_last_one_told_counts(tmp_path):
    variables = tmp_path / "vars.fd"
    shutil.copyfile(vm.VARIABLES, variables)
    before = printed(variables)

    boot_once_from(variables, "http://10.0.2.100:8000/first.iso")
    boot_once_from(variables, "http://10.0.2.100:8000/second.iso")

    told = printed(variables)
    assert "BootNext" not in before
    assert "BootNext" in told
    assert "second.iso" in told
    assert "first.iso" not in told


def test_a_file_that_is_no_firmwares_is_refused_and_stays(tmp_path):
    variables = tmp_path / "vars.fd"
    variables.write_bytes(b"nothing of the kind")

    with pytest.raises(OSError, match="cannot be told what to boot"):
        boot_once_from(variables, "http://10.0.2.100:8000/first.iso")

    assert variables.read_bytes() == b"nothing of the kind"


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("http://127.0.0.1:8123/agent/v1/media/x.iso", "http://10.0.2.100:8000/agent/v1/media/x.iso"),
        ("http://127.0.0.1:81234/x.iso", "http://127.0.0.1:81234/x.iso"),
        ("https://media.example.test/x.iso", "https://media.example.test/x.iso"),
    ],
)
def test_the_portal_has_another_address_inside(given, seen):
    assert seen_by_guest(given, PORTAL) == seen
