"""The disk: what is written is there, what is erased is gone, and one byte that is not is found."""

from __future__ import annotations

import json
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.simulator.disk import BLOCK, CHUNK, IMAGE_MAGIC, SEED_BYTES, SKIPPED_OF_BLOCKS, Disk, NotBootable
from provisioning.simulator.power import Power, PowerLost

SIZE = 2 * CHUNK + 5000
SEED = {"hostname": "gpu-01", "ssh_user": "ubuntu", "ssh_authorized_keys": ["ssh-ed25519 AAAA"], "user_data": "#!/x"}
OFFSETS = st.one_of(
    st.integers(0, SIZE - 1), st.sampled_from([0, CHUNK - 1, CHUNK, 2 * CHUNK, SIZE - SEED_BYTES, SIZE - 1])
)


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """An empty disk, for tests that leave it empty."""
    return Disk(tmp_path_factory.mktemp("disks") / "srv.img", SIZE)


def full(tmp_path) -> Disk:
    """A disk without a single zero byte."""
    disk = Disk(tmp_path / "full.img", SIZE)
    disk.path.write_bytes(b"\xa5" * SIZE)
    return disk


def choice(seed):
    return random.Random(seed)  # noqa: S311 - a sample that is the same in every run of the test


def residue_of(disk):
    *_, last = disk.residue()
    return last


@given(offset=OFFSETS, value=st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_one_byte_anywhere_is_found(disk, offset, value):
    disk.write(offset, bytes([value]))

    found = residue_of(disk)

    disk.write(offset, b"\0")
    assert found == (SIZE, 1)
    assert residue_of(disk) == (SIZE, 0)


def test_erasing_overwrites_the_bytes_of_the_very_file(tmp_path):
    disk = full(tmp_path)
    inode = disk.path.stat().st_ino
    with disk.path.open("rb") as opened_before:
        steps = list(disk.erase())

        assert opened_before.read() == bytes(SIZE)
    assert steps == [CHUNK, 2 * CHUNK, SIZE]
    assert (disk.path.stat().st_ino, disk.path.stat().st_size) == (inode, SIZE)
    # Written, and not punched out of the file: zeros that are stored take room.
    assert disk.path.stat().st_blocks * 512 >= SIZE
    assert residue_of(disk) == (SIZE, 0)


def test_an_erasure_that_is_left_in_the_middle_has_done_what_it_said(tmp_path):
    disk = full(tmp_path)

    done = next(disk.erase())

    assert done == CHUNK
    assert disk.path.read_bytes() == bytes(CHUNK) + b"\xa5" * (SIZE - CHUNK)


def test_a_skipping_erasure_leaves_one_block_in_a_thousand_and_it_is_found(tmp_path):
    disk = full(tmp_path)
    size = BLOCK * 1001 + 2 * BLOCK + 100
    disk = Disk(disk.path, size)
    disk.path.write_bytes(b"\xa5" * size)

    list(disk.erase(skip_some=True))

    left = [number for number in range(size // BLOCK) if disk.read(number * BLOCK, BLOCK) != bytes(BLOCK)]
    assert left == [1, 1001]
    assert residue_of(disk) == (size, 2 * BLOCK)


@pytest.mark.parametrize("size", [SIZE, 20 * BLOCK, 20 * BLOCK + 1])
@pytest.mark.parametrize("place", ["head", "tail"])
def test_a_sample_always_has_head_and_tail(tmp_path, size, place):
    disk = Disk(tmp_path / "d.img", size)
    disk.write({"head": 0, "tail": size - 1}[place], b"x")

    *_, (read, wrong) = disk.sampled_residue(3, choice(1))

    assert wrong == 1
    assert read == 4 * BLOCK + (size % BLOCK or BLOCK)


def test_samples_of_5000_blocks_find_a_thousandth_left_over_in_99_of_100_disks(tmp_path):
    """Each sample of a skipping erasure misses with a chance of 0.999 ** 5000 or less: 0.7 of 100."""
    size = BLOCK * 20_000
    disk = Disk(tmp_path / "d.img", size)
    for offset in range(BLOCK, size, BLOCK * SKIPPED_OF_BLOCKS):
        disk.write(offset, b"x")

    found = [list(disk.sampled_residue(5000, choice(seed)))[-1][1] for seed in range(20)]

    assert found.count(0) <= 2
    assert max(found) <= size // BLOCK // SKIPPED_OF_BLOCKS


@given(
    seed=st.dictionaries(st.text(max_size=10), st.text(max_size=200), max_size=5),
    hostname=st.text(max_size=63),
    user=st.text(max_size=30),
)
@settings(max_examples=30, deadline=None)
def test_a_seed_is_read_as_it_was_written(disk, seed, hostname, user):
    written = {**seed, "hostname": hostname, "ssh_user": user}

    disk.write_seed(written)

    assert disk.read_seed() == written
    disk.forget_seed()
    assert residue_of(disk) == (SIZE, 0)


@given(place=st.integers(0, len(json.dumps(SEED)) + 55), flip=st.integers(1, 255))
@settings(max_examples=30, deadline=None)
def test_a_seed_with_one_altered_byte_is_no_seed(disk, place, flip):
    disk.write_seed(SEED)
    offset = SIZE - SEED_BYTES + place
    disk.write(offset, bytes([disk.read(offset, 1)[0] ^ flip]))

    with pytest.raises(NotBootable):
        disk.read_seed()

    disk.forget_seed()


def test_a_seed_that_does_not_fit_changes_nothing(disk):
    with pytest.raises(ValueError, match="does not fit"):
        disk.write_seed({**SEED, "user_data": "x" * SEED_BYTES})

    assert residue_of(disk) == (SIZE, 0)


@pytest.mark.parametrize("seed", [{"ssh_user": "ubuntu"}, {"hostname": "gpu-01"}, {"hostname": 1, "ssh_user": "x"}])
def test_a_seed_for_nobody_boots_nothing(disk, seed):
    disk.write_seed(seed)

    with pytest.raises(NotBootable, match="no host or no user"):
        disk.read_seed()

    disk.forget_seed()


@pytest.mark.parametrize(
    "head", [b"", b"[" * 4096, b"\xff" * 4096, b'["METALYARD-IMAGE"]', b'{"magic": "OTHER"}', b"12"]
)
def test_what_is_no_image_is_not_booted(tmp_path, head):
    disk = Disk(tmp_path / "d.img", SIZE)
    disk.write(0, head)

    with pytest.raises(NotBootable, match="no bootable device"):
        disk.read_image_header()


def test_an_image_says_what_it_is(tmp_path):
    disk = Disk(tmp_path / "d.img", SIZE)

    disk.write(0, json.dumps({"magic": IMAGE_MAGIC, "os": "Debian"}).encode().ljust(4096))

    assert disk.read_image_header() == {"magic": IMAGE_MAGIC, "os": "Debian"}


@pytest.mark.parametrize("offset,length", [(SIZE, 1), (SIZE - 1, 2), (-1, 1)])
def test_there_is_no_disk_beyond_its_end(disk, offset, length):
    with pytest.raises(OSError, match="nothing can be written"):
        disk.write(offset, b"x" * length)

    assert os.path.getsize(disk.path) == SIZE
    assert residue_of(disk) == (SIZE, 0)


def test_a_disk_is_found_as_it_was_left(tmp_path):
    Disk(tmp_path / "new" / "d.img", SIZE).write(7, b"kept")

    again = Disk(tmp_path / "new" / "d.img", SIZE)
    grown = Disk(tmp_path / "new" / "d.img", SIZE + 10)

    assert again.read(7, 4) == grown.read(7, 4) == b"kept"
    assert os.path.getsize(grown.path) == SIZE + 10


@pytest.mark.parametrize(
    "change", [lambda disk: disk.write(0, b"x"), lambda disk: disk.write_seed(SEED), lambda disk: next(disk.erase())]
)
def test_without_power_no_way_of_writing_writes(tmp_path, change):
    power = Power()
    full(tmp_path)
    disk = Disk(tmp_path / "full.img", SIZE, power.held)
    power.cut()

    with pytest.raises(PowerLost):
        change(disk)

    assert disk.path.read_bytes() == b"\xa5" * SIZE
