"""The real ramdisk writes images onto real (emulated) drives; the backing file is looked at from outside."""

from __future__ import annotations

import os
import subprocess

import pytest

from provisioning.osimage import layout
from tests.provisioning.virtual_machine import Drive, needs_qemu

pytestmark = [
    needs_qemu,
    pytest.mark.timeout(1800),
    pytest.mark.xdist_group("virtual machines"),
]

SEED = {
    "meta-data": b"instance-id: op-1\nlocal-hostname: gpu-01\n",
    "user-data": b"#!/bin/sh\necho '$HOME \"quoted\" \xc3\xa9'\n",
    "vendor-data": b"#cloud-config\n{}\n",
    "network-config": b"version: 2\n",
}
SEED_PLACE = 5 << 20
MIB = 1 << 20


@pytest.fixture(scope="module")
def disk_image(tmp_path_factory):
    """A small disk with the layout of the OS image, and noise for its systems."""
    folder = tmp_path_factory.mktemp("disk")
    for name, mib in (("esp", 4), ("root", 24)):
        (folder / name).write_bytes(os.urandom(mib * MIB))
    layout.write(
        [
            layout.Partition("esp", "ef00", folder / "esp"),
            layout.Partition("cidata", "0700", layout.seed_partition(folder)),
            layout.Partition("root", "8304", folder / "root"),
        ],
        folder / "disk.raw",
    )
    return (folder / "disk.raw").read_bytes()


def blank(path, mib=64):
    path.write_bytes(b"\xa5" * (mib * MIB))
    return path


def zstd(data):
    return subprocess.run(["zstd", "-q", "-3"], input=data, capture_output=True, check=True).stdout


def seed_on(path, place=SEED_PLACE):
    """The files of the seed, read out of the backing file."""
    where = f"{path}@@{place}"
    listed = subprocess.run(["mdir", "-b", "-i", where], capture_output=True, text=True, check=True).stdout
    names = [line.removeprefix("::/") for line in listed.split()]
    copy = ["mcopy", "-i", where]
    return {name: subprocess.run([*copy, f"::{name}", "-"], capture_output=True, check=True).stdout for name in names}


@pytest.mark.boots
def test_a_compressed_image_is_on_the_smallest_drive_byte_for_byte_with_its_seed(boot, portal, tmp_path, disk_image):
    small, large = blank(tmp_path / "small", 48), blank(tmp_path / "large", 96)
    portal.cut_at = [2 * MIB]
    portal.offer_image(zstd(disk_image), disk_image, SEED)

    boot(Drive(large, "LARGE-1"), Drive(small, "SMALL-1"))

    assert portal.result == {
        "ok": True,
        "sha256": portal.job["image"]["disk_sha256"],
        "bytes_written": len(disk_image),
        "drive_serial": "SMALL-1",
    }
    written, seed_end = small.read_bytes(), SEED_PLACE + layout.SEED_MIB * MIB
    assert written[:SEED_PLACE] == disk_image[:SEED_PLACE]
    assert written[seed_end : len(disk_image)] == disk_image[seed_end:]
    assert seed_on(small) == SEED
    assert large.read_bytes() == b"\xa5" * (96 * MIB)
    assert portal.asked.count("image") == 2, "the first download was cut"


@pytest.mark.boots
def test_a_plain_image_as_today_s_jobs_describe_it(boot, portal, tmp_path, disk_image):
    drive = blank(tmp_path / "drive")
    portal.offer_image(disk_image, disk_image, SEED)
    for key in ("encoding", "disk_bytes", "disk_sha256"):
        del portal.job["image"][key]

    boot(Drive(drive, kind="sata"))

    assert portal.result["sha256"] == portal.job["image"]["sha256"]
    assert drive.read_bytes()[:SEED_PLACE] == disk_image[:SEED_PLACE]


@pytest.mark.boots
@pytest.mark.parametrize(
    "announced",
    [{"sha256": "0" * 64}, {"disk_sha256": "0" * 64}, {"size_bytes": 12345}, {"disk_bytes": 8 * MIB}],
    ids=lambda change: next(iter(change)),
)
def test_what_is_not_as_announced_is_refused_and_cannot_start(boot, portal, tmp_path, disk_image, announced):
    drive = blank(tmp_path / "drive")
    portal.offer_image(zstd(disk_image), disk_image, SEED, **announced)

    boot(Drive(drive))

    assert portal.result["ok"] is False
    assert portal.result["error"] == "image_checksum_mismatch"
    assert drive.read_bytes()[:MIB] == bytes(MIB), "there is no partition table"
    assert b"op-1" not in drive.read_bytes()


@pytest.mark.boots
def test_an_image_that_no_drive_holds_leaves_the_drives_alone(boot, portal, tmp_path, disk_image):
    drive = blank(tmp_path / "drive", 16)
    portal.offer_image(zstd(disk_image), disk_image, SEED)

    boot(Drive(drive))

    assert portal.result["error"] == "disk_too_small"
    assert drive.read_bytes() == b"\xa5" * (16 * MIB)
    assert "image" not in portal.asked


@pytest.mark.boots
def test_a_download_that_is_always_cut_leaves_no_earlier_seed(boot, portal, tmp_path, disk_image):
    drive = tmp_path / "drive"
    old = disk_image[:SEED_PLACE] + b"OLD-SEED".ljust(layout.SEED_MIB * MIB, b".") + disk_image[9 * MIB :]
    drive.write_bytes(old + bytes(16 * MIB))
    portal.cut_at = [MIB] * 3
    portal.offer_image(zstd(disk_image), disk_image, SEED)

    boot(Drive(drive))

    assert portal.result["error"] == "image_download_failed"
    assert portal.result["detail"].startswith("curl: (18) ")
    assert portal.asked.count("image") == 3
    assert b"OLD-SEED" not in drive.read_bytes()
    assert drive.read_bytes()[:MIB] == bytes(MIB)


@pytest.mark.boots
def test_an_image_that_brings_no_place_for_the_seed_is_given_one(boot, portal, tmp_path):
    (tmp_path / "root").write_bytes(os.urandom(8 * MIB))
    layout.write([layout.Partition("root", "8304", tmp_path / "root")], tmp_path / "image")
    image, drive = (tmp_path / "image").read_bytes(), blank(tmp_path / "drive")
    portal.offer_image(zstd(image), image, SEED)

    boot(Drive(drive))

    assert portal.result["ok"] is True
    assert seed_on(drive, 59 * MIB) == SEED
    assert drive.read_bytes()[MIB : 9 * MIB] == image[MIB : 9 * MIB]


@pytest.mark.boots
def test_an_image_without_a_place_for_the_seed_is_refused(boot, portal, tmp_path):
    image = os.urandom(8 * MIB)
    portal.offer_image(image, image, SEED)

    boot(Drive(blank(tmp_path / "drive")))

    assert portal.result["error"] == "agent_error"
    assert "cidata" in portal.result["detail"]
