"""A network boot: the job is fetched over real HTTP, done on a real file, and reported as it went."""

from __future__ import annotations

import hashlib
import threading
from datetime import datetime, timedelta

import pytest

from provisioning.simulator.disk import BLOCK, SEED_BYTES, NotBootable
from provisioning.simulator.faults import Fault
from provisioning.simulator.power import Power, PowerLost
from provisioning.simulator.ramdisk import DOWNLOADS, Ramdisk
from tests.provisioning.simulator.conftest import image_of
from tests.provisioning.simulator.emulator import until
from tests.provisioning.simulator.portal_stand_in import TOKEN


def boot(body, portal) -> Ramdisk:
    ramdisk = Ramdisk(body, portal.boot_uri)
    ramdisk.run()
    return ramdisk


def content(body) -> bytes:
    return body.disk.path.read_bytes()


def test_an_image_is_written_byte_for_byte_and_reported(make_body, portal):
    portal.offer("image")
    body = make_body()

    boot(body, portal)

    size = len(portal.image)
    assert portal.result == {"ok": True, "sha256": hashlib.sha256(portal.image).hexdigest(), "bytes_written": size}
    assert content(body)[:size] == portal.image
    assert content(body)[size:-SEED_BYTES] == bytes(body.disk.room - size)
    assert body.disk.read_seed()["hostname"] == "gpu-01"
    assert body.disk.read_seed()["user_data"] == "#hi"
    assert {token for _, token, _ in portal.reports} == {f"Bearer {TOKEN}"}
    percents = [report["percent"] for report in portal.said("progress")]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_an_erasure_leaves_zeros_and_proves_it(make_body, portal):
    portal.offer("erase")
    body = make_body()
    body.disk.path.write_bytes(b"\xa5" * body.disk.size)

    boot(body, portal)

    size = body.disk.size
    (drive,) = portal.result["drives"]
    begun, ended = (datetime.fromisoformat(drive.pop(name)) for name in ("started_at", "ended_at"))
    assert portal.result["ok"] is True
    assert drive == {
        "serial": "D1", "model": "Emulated 1", "firmware": "E1", "size_bytes": size, "method": "overwrite",
        "bytes_erased": size, "verify_mode": "full", "bytes_verified": size, "blocks_sampled": 0, "residue_bytes": 0,
    }  # fmt: skip
    assert begun <= ended
    assert begun.utcoffset() == timedelta(0)
    assert content(body) == bytes(size)
    assert {report["stage"] for report in portal.said("progress")} == {"erase", "read_back"}


def test_an_erasure_that_skips_says_how_much_is_left(make_body, portal, faults):
    faults.plant("srv-1", Fault.ERASE_SKIPS)
    portal.offer("erase")
    body = make_body()
    body.disk.path.write_bytes(b"\xa5" * body.disk.size)

    boot(body, portal)

    assert portal.result == {"ok": False, "error": "erase_incomplete", "detail": "4096 bytes are not zero"}
    assert content(body).count(b"\xa5") == 4096


@pytest.mark.parametrize(
    "methods", [[], ["nvme_sanitize_crypto", "nvme_sanitize_block", "nvme_format_crypto", "nvme_format", "blkdiscard"]]
)
def test_a_drive_that_supports_no_accepted_way_is_not_touched(make_body, portal, methods):
    portal.offer("erase", methods=methods)
    body = make_body()
    body.disk.path.write_bytes(b"\xa5" * body.disk.size)

    boot(body, portal)

    assert portal.result == {"ok": False, "error": "erase_unsupported", "detail": "D1 supports only overwrite"}
    assert content(body) == b"\xa5" * body.disk.size


def test_where_a_sample_is_asked_for_it_is_random_blocks_and_head_and_tail(make_body, portal):
    portal.offer("erase", verify={"mode": "sample", "blocks": 50})

    boot(make_body(), portal)

    (drive,) = portal.result["drives"]
    assert (drive["verify_mode"], drive["blocks_sampled"]) == ("sample", 50)
    assert drive["bytes_verified"] == 52 * BLOCK
    assert drive["bytes_erased"] == drive["size_bytes"]


def test_a_sample_that_is_larger_than_the_drive_is_all_of_it(make_body, portal):
    portal.offer("erase", verify={"mode": "sample", "blocks": 5000})
    body = make_body()

    boot(body, portal)

    (drive,) = portal.result["drives"]
    assert (drive["verify_mode"], drive["blocks_sampled"], drive["bytes_verified"]) == ("full", 0, body.disk.size)


def changed_image(portal, **changes):
    portal.offer("image")
    portal.job["image"] |= changes


def shorter(portal):
    changed_image(portal)
    portal.image = portal.image[:100_000]


def longer(portal):
    changed_image(portal)
    portal.image += b"more"


@pytest.mark.parametrize(
    "prepare,words",
    [
        (lambda portal: changed_image(portal, sha256="0" * 64), "expected 0000"),
        # The checksum is that of what is there, so only counting finds it.
        (lambda portal: changed_image(portal, size_bytes=150_001), "150000 bytes of the 150001 announced"),
        (shorter, "100000 bytes of the 150000 announced"),
        (longer, "longer than the 150000 bytes"),
    ],
)
def test_a_wrong_image_is_reported_and_cannot_be_booted(make_body, portal, prepare, words):
    prepare(portal)
    body = make_body()
    body.disk.write_seed({"hostname": "before", "ssh_user": "before"})

    boot(body, portal)

    result = portal.result
    assert (result["ok"], result["error"]) == (False, "image_checksum_mismatch")
    assert words in result["detail"]
    with pytest.raises(NotBootable):
        body.disk.read_seed()
    assert content(body)[150_000:] == bytes(body.disk.size - 150_000)


def test_a_damaged_transfer_is_noticed(make_body, portal, faults):
    faults.plant("srv-1", Fault.CHECKSUM_WRONG)
    portal.offer("image")

    boot(make_body(), portal)

    assert portal.result["error"] == "image_checksum_mismatch"


@pytest.mark.parametrize("really", [True, False])
def test_a_disk_that_is_too_small_is_not_touched(make_body, portal, faults, really):
    portal.offer("image")
    if really:
        body = make_body(disk_bytes=SEED_BYTES + 149_999)
    else:
        faults.plant("srv-1", Fault.DISK_TOO_SMALL)
        body = make_body()
    before = content(body)

    boot(body, portal)

    assert portal.result == {
        "ok": False, "error": "disk_too_small", "detail": "the image has 150000 bytes, the disk room for 149999",
    }  # fmt: skip
    assert content(body) == before
    assert "image" not in portal.asked


def test_an_image_that_just_fits_is_written(make_body, portal):
    portal.offer("image")

    boot(make_body(disk_bytes=SEED_BYTES + 150_000), portal)

    assert portal.result["ok"] is True


def test_a_download_that_is_cut_once_is_begun_again(make_body, portal):
    portal.offer("image")
    portal.cut_at = [70_000]
    body = make_body()

    boot(body, portal)

    assert portal.result["ok"] is True
    assert content(body)[:150_000] == portal.image
    assert portal.asked.count("image") == 2


def test_a_download_that_is_always_cut_fails(make_body, portal):
    portal.offer("image")
    portal.cut_at = [70_000] * DOWNLOADS

    boot(make_body(), portal)

    assert portal.result["error"] == "image_download_failed"
    assert "RemoteProtocolError" in portal.result["detail"]
    assert portal.asked.count("image") == DOWNLOADS


def test_a_portal_that_is_away_for_a_while_costs_no_job(make_body, portal):
    portal.offer("image")
    portal.statuses = {
        "boot": [503, 503, 200], "image": [502, 200], "progress": [503, 503, 200], "done": [500, 200],
    }  # fmt: skip

    boot(make_body(), portal)

    assert portal.result["ok"] is True
    assert (portal.asked.count("boot"), portal.asked.count("image"), portal.asked.count("done")) == (3, 2, 2)


def test_a_refused_progress_ends_the_job_without_another_word(make_body, portal):
    portal.offer("image")
    portal.statuses["progress"] = [403]
    body = make_body()

    ramdisk = boot(body, portal)

    assert portal.reports == []
    assert portal.asked == ["boot", "image", "progress"]
    assert make_body.lines[-1] == "gave up: Refused HTTP 403"
    assert ramdisk.report
    with pytest.raises(NotBootable):
        body.disk.read_seed()


def test_a_refused_boot_does_nothing(make_body, portal):
    portal.statuses["boot"] = [403]
    body = make_body()
    before = content(body)

    ramdisk = boot(body, portal)

    assert portal.asked == ["boot"]
    assert ramdisk.report == {}
    assert content(body) == before


@pytest.mark.parametrize(
    "job",
    [
        {"kind": "flash"},
        {"kind": ["erase"]},
        {"kind": None},
        {"kind": "erase", "report": None},
        {"kind": "erase", "report": {}},
        {"kind": "erase", "methods": None},
        {"kind": "erase", "verify": {"mode": "sample"}},
        {"kind": "image", "image": None},
        {"kind": "image", "image": {"url": "x", "sha256": "y", "size_bytes": "many"}},
    ],
)
def test_a_job_that_makes_no_sense_destroys_nothing(make_body, portal, job):
    portal.offer("erase")
    portal.job |= job
    body = make_body()
    body.disk.path.write_bytes(b"\xa5" * body.disk.size)

    boot(body, portal)

    assert portal.said("done") == []
    assert content(body) == b"\xa5" * body.disk.size
    assert make_body.lines[-1].startswith("gave up, the job makes no sense")


@pytest.mark.parametrize(
    "seed",
    [None, {"user_data_base64": "not base64!"}, {"user_data_base64": "//8="}, {"hostname": "x" * SEED_BYTES}],
)
def test_a_seed_that_cannot_be_used_is_reported_before_anything_is_written(make_body, portal, seed):
    portal.offer("image", seed=seed)
    body = make_body()

    boot(body, portal)

    assert portal.result["error"] == "agent_error"
    assert portal.result["detail"].startswith("the seed cannot be used")
    assert content(body) == bytes(body.disk.size)


def test_a_disk_that_breaks_is_reported(make_body, portal):
    portal.offer("image")
    body = make_body()
    body.disk.path.unlink()
    body.disk.path.mkdir()

    boot(body, portal)

    assert portal.result["error"] == "write_failed"


def test_a_silent_agent_asks_for_nothing(make_body, portal, faults):
    faults.plant("srv-1", Fault.AGENT_SILENT)

    ramdisk = boot(make_body(), portal)

    assert portal.asked == []
    assert ramdisk.report == {}


def test_a_stall_lasts_until_the_fault_is_gone(make_body, portal, faults):
    portal.image = image_of(400_000)
    faults.plant("srv-1", Fault.PROGRESS_STALL)
    portal.offer("erase")
    body = make_body()
    thread = threading.Thread(target=boot, args=(body, portal))
    thread.start()
    until(lambda: portal.said("progress"))
    thread.join(0.3)
    stalled = [report["percent"] for report in portal.said("progress")]
    assert thread.is_alive()
    faults.clear("srv-1")
    thread.join(60)

    assert all(percent < 40 for percent in stalled)
    assert portal.said("done")[0]["ok"] is True


@pytest.mark.parametrize("guarded", [False, True], ids=["control", "guarded"])
def test_nothing_is_written_after_the_power_is_cut(make_body, portal, guarded):
    """The control shows what the guard of the disk is for: the piece on its way would still be written."""
    portal.image = image_of(400_000)
    portal.held_at = 200_000
    portal.offer("image")
    power = Power()
    body = make_body(power, guarded=guarded)
    ended = []

    def life():
        with pytest.raises(PowerLost):
            boot(body, portal)
        ended.append(True)

    thread = threading.Thread(target=life)
    thread.start()
    assert portal.reached.wait(60)
    power.cut()
    before = content(body)
    portal.go_on.set()
    thread.join(60)

    assert ended == [True]
    assert (content(body) == before) is guarded
    assert portal.said("done") == []
