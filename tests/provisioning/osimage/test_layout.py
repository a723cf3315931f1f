"""The disk of the OS image, made of small stand-ins for its systems."""

from __future__ import annotations

import subprocess

import pytest

from provisioning.artefacts.programs import found
from provisioning.osimage import layout
from tests.provisioning.virtual_machine import needs_qemu

pytestmark = needs_qemu

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "loader").write_bytes(b"loader")
    (tmp_path / "kernel").write_bytes(b"kernel" * 1000)
    (tmp_path / "root").write_bytes(b"r" * (3 * MIB) + bytes(4 * MIB) + b"end")
    parts = [
        layout.Partition("esp", "ef00", layout.boot_partition(tmp_path / "loader", tmp_path / "kernel", tmp_path)),
        layout.Partition("cidata", "0700", layout.seed_partition(tmp_path)),
        layout.Partition("root", "8304", tmp_path / "root"),
    ]
    layout.write(parts, tmp_path / "disk.raw")
    return tmp_path / "disk.raw"


def told(*argv):
    return subprocess.run([found(argv[0]), *argv[1:]], capture_output=True, text=True, check=True).stdout


def test_the_table_is_whole_with_the_root_last(disk):
    table = told("sgdisk", "--print", str(disk))

    rows = [line.split() for line in table.splitlines() if line.strip()[:1].isdigit()]
    assert [(row[6], row[5]) for row in rows] == [("esp", "EF00"), ("cidata", "0700"), ("root", "8304")]
    assert "No problems found" in told("sgdisk", "--verify", str(disk))
    assert disk.stat().st_size == (1 + layout.ESP_MIB + layout.SEED_MIB + 8 + 1) * MIB
    assert disk.stat().st_blocks * 512 < 20 * MIB, "most of what is zero takes no room"


def test_what_is_in_the_partitions_is_what_was_given(disk):
    data, root = disk.read_bytes(), (1 + layout.ESP_MIB + layout.SEED_MIB) * MIB

    assert data[root : root + 7 * MIB + 3] == b"r" * (3 * MIB) + bytes(4 * MIB) + b"end"
    assert told("mtype", "-i", f"{disk}@@1M", "::EFI/BOOT/BOOTX64.EFI") == "loader"
    assert told("mtype", "-i", f"{disk}@@1M", "::vmlinuz") == "kernel" * 1000
    assert "cidata" in told("mlabel", "-s", "-i", f"{disk}@@{1 + layout.ESP_MIB}M", "::").lower()


def test_the_loader_starts_the_kernel_with_the_root_that_the_table_names(disk):
    entry = told("mtype", "-i", f"{disk}@@1M", "::loader/entries/debian.conf")
    root = told("sgdisk", "--info=3", str(disk))

    identity = root.partition("unique GUID: ")[2].split()[0].lower()
    assert f"root=PARTUUID={identity}" in entry
    assert "console=ttyS0" in entry
    assert "timeout 0" in told("mtype", "-i", f"{disk}@@1M", "::loader/loader.conf")
