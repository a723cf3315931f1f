"""The real ramdisk erases real (emulated) drives, and notices when they lie. What it says is checked on the host."""

from __future__ import annotations

import pytest

from tests.provisioning.ramdisk.faulty_drive import BLOCK, SKIPPED_EVERY, faulty_drive
from tests.provisioning.virtual_machine import Drive, needs_qemu

pytestmark = [
    needs_qemu,
    pytest.mark.timeout(1800),
    pytest.mark.xdist_group("virtual machines"),
]

FULL = {"mode": "full", "blocks": 5000}
METHODS = ["nvme_sanitize_crypto", "nvme_sanitize_block", "nvme_format_crypto", "nvme_format", "blkdiscard"]
CANARY = b"CANARY-OF-TENANT-A".ljust(BLOCK, b".")


def full_of_canaries(path, mib):
    """A drive with a canary in each 4 KiB block."""
    path.write_bytes(CANARY * (mib * 256))
    return path


def is_all_zero(path):
    with path.open("rb") as file:
        return not any(piece.strip(b"\0") for piece in iter(lambda: file.read(1 << 20), b""))


@pytest.mark.long
def test_every_drive_is_erased_by_the_best_method_it_has_and_read_back(boot, portal, tmp_path):
    nvme, sata, virtio = (full_of_canaries(tmp_path / name, 48) for name in ("nvme", "sata", "virtio"))
    portal.offer("erase", methods=[*METHODS, "overwrite"], verify=FULL)

    boot(Drive(nvme, "NVME-1"), Drive(sata, "SATA-1", "sata"), Drive(virtio, "VIRTIO-1", "virtio"))

    assert [is_all_zero(path) for path in (nvme, sata, virtio)] == [True, True, True]
    assert portal.result["ok"] is True
    drives = {drive["serial"]: drive for drive in portal.result["drives"]}
    assert {serial: drive["method"] for serial, drive in drives.items()} == {
        "NVME-1": "nvme_format",
        "SATA-1": "blkdiscard",
        "VIRTIO-1": "blkdiscard",
    }
    for drive in drives.values():
        assert drive["size_bytes"] == drive["bytes_erased"] == drive["bytes_verified"] == 48 << 20
        assert drive["verify_mode"] == "full"
        assert (drive["residue_bytes"], drive["blocks_sampled"]) == (0, 0)
        assert drive["started_at"].endswith("Z")
        assert drive["started_at"] <= drive["ended_at"]
    assert drives["NVME-1"]["model"] == "QEMU NVMe Ctrl"
    assert drives["NVME-1"]["firmware"]


@pytest.mark.boots
def test_overwriting_and_a_sample_of_blocks(boot, portal, tmp_path):
    path = full_of_canaries(tmp_path / "drive", 96)
    portal.offer("erase", methods=["overwrite"], verify={"mode": "sample", "blocks": 5000})

    boot(Drive(path))

    (drive,) = portal.result["drives"]
    assert is_all_zero(path)
    assert (drive["method"], drive["verify_mode"], drive["blocks_sampled"]) == ("overwrite", "sample", 5000)
    assert drive["bytes_verified"] == 5000 * BLOCK + 2 * (4 << 20)


@pytest.mark.long
@pytest.mark.parametrize("verify", [FULL, {"mode": "sample", "blocks": 5000}], ids=["full", "sample"])
def test_a_drive_that_ignores_the_command_is_caught(boot, portal, tmp_path, verify):
    path = full_of_canaries(tmp_path / "drive", 64)
    node = f"driver=raw,discard=ignore,file.driver=file,file.filename={path}"
    portal.offer("erase", methods=["blkdiscard"], verify=verify)

    boot(Drive(path, node=node))

    assert not is_all_zero(path)
    assert portal.result["ok"] is False
    assert portal.result["error"] == "erase_incomplete"
    assert "DRIVE-0001" in portal.result["detail"]
    assert "the first at 0" in portal.result["detail"]


@pytest.mark.long
def test_an_erasure_that_skips_one_block_in_a_thousand_is_caught_also_among_good_drives(boot, portal, tmp_path):
    size, good = 64 << 20, full_of_canaries(tmp_path / "good", 32)
    portal.offer("erase", methods=["nvme_format"], verify=FULL)

    with faulty_drive(tmp_path / "nbd", CANARY * (size // BLOCK)) as (storage, node):
        boot(Drive(good, "GOOD-1"), Drive(tmp_path / "unused", "FAULTY-1", node=node))

    left = size // BLOCK // SKIPPED_EVERY
    assert is_all_zero(good)
    assert len(storage) - storage.count(0) == left * BLOCK
    assert portal.result["error"] == "erase_incomplete"
    assert f"FAULTY-1: {left * BLOCK} of {size} bytes" in portal.result["detail"]
    assert f"the first at {(SKIPPED_EVERY - 1) * BLOCK}" in portal.result["detail"]


@pytest.mark.boots
def test_without_an_allowed_method_nothing_is_touched(boot, portal, tmp_path):
    path = full_of_canaries(tmp_path / "drive", 16)
    portal.offer("erase", methods=["nvme_sanitize_crypto"], verify=FULL)

    boot(Drive(path))

    assert path.read_bytes() == CANARY * (16 * 256)
    assert portal.result["error"] == "erase_unsupported"
    assert "nvme_sanitize_crypto" in portal.result["detail"]


@pytest.mark.boots
def test_a_machine_that_shows_no_drive_proves_nothing(boot, portal):
    portal.offer("erase", methods=["overwrite"], verify=FULL)

    boot()

    assert portal.result["error"] == "erase_unproved"
