"""The boot medium's form, built from stand-ins for kernel and ramdisk: what stands in them does not matter here."""

from __future__ import annotations

import os
import subprocess

import pytest

from provisioning.artefacts.programs import BuildFailed
from provisioning.ramdisk import medium
from tests.provisioning.virtual_machine import needs_qemu


@pytest.fixture
def iso(tmp_path):
    efi = tmp_path / "boot.efi"
    efi.write_bytes(os.urandom(12_000_001))
    target = tmp_path / "deploy.iso"
    medium.hybrid(medium.system_partition(efi, tmp_path), target, tmp_path)
    return target


def test_the_placeholder_is_4096_bytes_that_can_be_looked_for():
    assert len(medium.PLACEHOLDER) == 4096
    assert medium.PLACEHOLDER.rstrip(b"\n") == b"METALYARD-BOOT-PLACEHOLDER"


@needs_qemu
def test_the_placeholder_is_the_file_that_the_firmware_hands_on(iso, tmp_path):
    place = medium.place_of(iso)
    data = bytearray(iso.read_bytes())
    assert place % 2048 == 0
    assert data[place : place + 4096] == medium.PLACEHOLDER

    data[place : place + 4096] = b"BOOT_URL=http://portal.test/t\n".ljust(4096, b"\n")
    partition = tmp_path / "partition"
    partition.write_bytes(data[data.index(b"\xeb\x3c\x90mkfs.fat") :])

    file = f"::{medium.PROGRAM}.extra.d/boot.cred"
    read = subprocess.run(["mtype", "-i", partition, file], capture_output=True, check=True).stdout
    assert read.strip() == b"BOOT_URL=http://portal.test/t"


@needs_qemu
def test_it_boots_as_cd_and_as_disk(iso):
    report = subprocess.run(
        ["xorriso", "-indev", iso, "-report_el_torito", "plain", "-report_system_area", "plain"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "UEFI" in report
    assert "GPT" in report


@pytest.mark.parametrize(
    "content",
    [b"", medium.PLACEHOLDER * 2, b"x" + medium.PLACEHOLDER],
    ids=["none", "two", "in the middle of a sector"],
)
def test_an_iso_whose_placeholder_cannot_be_replaced_is_not_published(tmp_path, content):
    iso = tmp_path / "deploy.iso"
    iso.write_bytes(b"y" * 2048 + content)

    with pytest.raises(BuildFailed, match="placeholder"):
        medium.place_of(iso)


def test_a_kernel_that_is_too_large_is_not_overwritten_by_the_ramdisk(tmp_path):
    kernel = tmp_path / "kernel"
    kernel.touch()
    with kernel.open("r+b") as file:
        file.truncate(17 << 20)

    with pytest.raises(BuildFailed, match="kernel"):
        medium.program(tmp_path / "stub", kernel, tmp_path / "ramdisk", tmp_path)
