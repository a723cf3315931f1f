"""Images whose file is compressed, on an emulated machine."""

import hashlib

import pytest
import zstandard

from tests.provisioning.simulator.test_ramdisk import boot, content


def packed(portal):
    """Have the portal serve the image compressed; return the disk that it holds."""
    disk, portal.image = portal.image, zstandard.compress(portal.image)
    portal.offer("image")
    portal.job["image"] |= {"encoding": "zstd", "disk_bytes": len(disk)}
    return disk


def test_a_compressed_image_is_unpacked_on_its_way_and_the_disk_read_back(make_body, portal):
    disk = packed(portal)
    body = make_body()

    boot(body, portal)

    assert portal.result == {"ok": True, "sha256": hashlib.sha256(disk).hexdigest(), "bytes_written": len(disk)}
    assert content(body)[: len(disk)] == disk


@pytest.mark.parametrize(
    "change, error",
    [
        ({"disk_bytes": 1000}, "image_checksum_mismatch"),
        ({"disk_bytes": 200_000}, "image_checksum_mismatch"),
        ({"encoding": "xz"}, "agent_error"),
    ],
)
def test_a_compressed_image_that_is_another_is_reported(make_body, portal, change, error):
    packed(portal)
    portal.job["image"] |= change

    boot(make_body(), portal)

    assert (portal.result["ok"], portal.result["error"]) == (False, error)


def test_a_compressed_image_that_is_damaged_is_reported(make_body, portal):
    packed(portal)
    damaged = bytearray(portal.image)
    damaged[len(damaged) // 2] ^= 0xFF
    portal.image = bytes(damaged)

    boot(make_body(), portal)

    assert portal.result["error"] == "image_checksum_mismatch"
