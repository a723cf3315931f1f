"""The program that reads a drive back."""

import shutil
import subprocess

import pytest

from tests.provisioning.ramdisk.scripts import LIBRARY

pytestmark = pytest.mark.skipif(shutil.which("perl") is None, reason="perl is not installed")

MIB = 1 << 20
SIZE = 24 * MIB + 4096 + 512
ENDS = MIB


def residue(path, mode="full", blocks=1000, size=SIZE):
    command = ["perl", str(LIBRARY / "residue.pl"), str(path), str(size), mode, str(blocks), str(ENDS)]
    done = subprocess.run(command, capture_output=True, text=True)
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else done.stderr


@pytest.fixture
def drive(tmp_path):
    path = tmp_path / "drive"
    path.write_bytes(bytes(SIZE))
    return path


def put(path, *places):
    with path.open("r+b") as file:
        for place in places:
            file.seek(place)
            file.write(b"\1")


def test_a_zero_drive_is_read_to_its_last_byte(drive):
    assert residue(drive) == (SIZE, 0, 0, -1)


@pytest.mark.parametrize("place", [0, 4 * MIB - 1, 4 * MIB, 23 * MIB + 7, SIZE - 1])
def test_one_byte_anywhere_is_found(drive, place):
    put(drive, place)

    assert residue(drive) == (SIZE, 0, 1, place)


def test_each_byte_counts_and_the_first_is_named(drive):
    put(drive, 20 * MIB, 5 * MIB + 3, 5 * MIB + 9)

    assert residue(drive) == (SIZE, 0, 3, 5 * MIB + 3)


def test_a_sample_reads_its_blocks_with_head_and_tail(drive):
    assert residue(drive, "sample") == (1000 * 4096 + 2 * ENDS, 1000, 0, -1)


@pytest.mark.parametrize("place", [0, ENDS - 1, SIZE - ENDS, SIZE - 1])
def test_a_sample_always_reads_head_and_tail(drive, place):
    put(drive, place)

    assert residue(drive, "sample")[2:] == (1, place)


def test_a_sample_finds_what_is_in_half_of_the_blocks(drive):
    put(drive, *range(ENDS, SIZE - ENDS, 8192))

    read, sampled, found, first = residue(drive, "sample")

    # Of 1000 blocks without one in the other half: less than once in 10^300 runs.
    assert (read, sampled) == (1000 * 4096 + 2 * ENDS, 1000)
    assert 0 < found <= 1000
    assert first >= ENDS


def test_samples_differ(drive):
    put(drive, *range(ENDS, SIZE - ENDS, 8192))

    assert len({residue(drive, "sample", blocks=500) for _ in range(8)}) > 1


def test_a_drive_with_fewer_blocks_than_the_sample_is_read_whole(drive):
    assert residue(drive, "sample", blocks=50_000) == (SIZE, 0, 0, -1)


def test_what_cannot_be_read_is_not_proved(drive):
    assert "cannot be opened" in residue(drive.with_name("none"))
    assert "nothing can be read" in residue(drive, size=SIZE + MIB)
    assert "no mode" in residue(drive, mode="none")
