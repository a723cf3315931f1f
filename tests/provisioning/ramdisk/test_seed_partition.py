"""The partition that the ramdisk adds to an image without one for the seed, judged by Debian's own tools."""

import subprocess

import pytest

from provisioning.ramdisk.tree import OWN

SCRIPT = OWN / "usr/lib/metalyard/seed_partition.pl"
MIB = 1024 * 1024


def sgdisk(disk, *arguments):
    return subprocess.run(["sgdisk", *arguments, str(disk)], capture_output=True, text=True, check=True).stdout


def image(tmp_path, mib, *partitions):
    """Return a disk of the size of an image, with a table and noise behind it."""
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(mib * MIB)
    sgdisk(disk, "--clear", *partitions)
    return disk


def add(disk, size=None):
    command = ["perl", str(SCRIPT), str(disk), str(size or disk.stat().st_size), "cidata", "4"]
    return subprocess.run(command, capture_output=True, text=True)


def on_drive(disk, mib, left_over=0):
    """Let the image lie on a larger drive."""
    with disk.open("r+b") as file:
        file.truncate(mib * MIB + left_over)


ROOT = ("--new=1:0:0", "--change-name=1:root", "--typecode=1:8304")


@pytest.mark.parametrize("left_over", [0, 512, 4096 + 512])
def test_it_is_at_the_end_of_the_drive_and_the_others_are_as_before(tmp_path, left_over):
    disk = image(tmp_path, 32, "--new=15:0:+4M", "--change-name=15:esp", *ROOT)
    before = [sgdisk(disk, f"--info={number}") for number in (1, 15)]
    on_drive(disk, 100, left_over)

    assert add(disk).stderr == ""

    assert "No problems found" in sgdisk(disk, "--verify")
    assert [sgdisk(disk, f"--info={number}") for number in (1, 15)] == before
    told = sgdisk(disk, "--info=2")
    assert "Partition name: 'cidata'" in told
    assert "Microsoft basic data" in told
    assert "Partition size: 8192 sectors (4.0 MiB)" in told
    assert "First sector: 194560 (at 95.0 MiB)" in told


@pytest.mark.parametrize("which", [1, 2])
def test_both_tables_are_whole(tmp_path, which):
    disk = image(tmp_path, 32, *ROOT)
    on_drive(disk, 64)
    add(disk)
    with disk.open("r+b") as file:
        file.seek(512 if which == 1 else 64 * MIB - 512)
        file.write(bytes(512))

    found = subprocess.run(["sgdisk", "--info=2", str(disk)], capture_output=True, text=True)

    assert "Partition name: 'cidata'" in found.stdout


@pytest.mark.parametrize("mib", [32, 34])
def test_without_room_nothing_is_changed(tmp_path, mib):
    disk = image(tmp_path, 32, *ROOT)
    on_drive(disk, mib)
    before = disk.read_bytes()

    done = add(disk)

    assert (done.returncode != 0, "no room" in done.stderr) == (True, True)
    assert disk.read_bytes() == before


def damage(disk, place):
    with disk.open("r+b") as file:
        file.seek(place)
        file.write(b"\xff")


@pytest.mark.parametrize("place", [512, 512 + 56, 1024 + 40], ids=["mark", "header", "entries"])
def test_a_damaged_table_is_left_alone(tmp_path, place):
    disk = image(tmp_path, 32, *ROOT)
    on_drive(disk, 64)
    damage(disk, place)
    before = disk.read_bytes()

    assert add(disk).returncode != 0
    assert disk.read_bytes() == before
