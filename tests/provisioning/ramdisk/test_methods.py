"""Which way a drive is erased, by what it says of itself."""

from __future__ import annotations

import json

import pytest

from tests.provisioning.ramdisk.scripts import ask, needs_busybox, run

pytestmark = needs_busybox

DRIVES = {
    # What `nvme id-ctrl -o json` told of real drives, as their owners published it.
    "WDC PC SN730": {"oacs": 23, "sanicap": 1610612739, "oncs": 95, "fna": 4},
    "SOLIDIGM SBFPF2BU153T": {"oacs": 94, "sanicap": 1610612739, "oncs": 94, "fna": 4},
    # Made up: what drives may lack.
    "only block erase": {"oacs": 2, "sanicap": 2, "fna": 0},
    "no format": {"oacs": 0, "sanicap": 0, "fna": 4},
    "tells nothing": {},
}
SANITIZE = ["nvme_sanitize_crypto", "nvme_sanitize_block"]
FORMAT = ["nvme_format_crypto", "nvme_format"]


@pytest.mark.parametrize(
    "drive, discard, expected",
    [
        ("WDC PC SN730", 2**31, [*SANITIZE, *FORMAT, "blkdiscard", "overwrite"]),
        ("SOLIDIGM SBFPF2BU153T", 0, [*SANITIZE, *FORMAT, "overwrite"]),
        ("only block erase", 0, ["nvme_sanitize_block", "nvme_format", "overwrite"]),
        ("no format", 4096, ["blkdiscard", "overwrite"]),
        ("tells nothing", 0, ["overwrite"]),
    ],
)
def test_what_a_drive_has(tmp_path, drive, discard, expected):
    told = tmp_path / "id"
    told.write_text(json.dumps(DRIVES[drive]))

    found = ask("methods", then=f"supported_methods {told} {discard}", run_folder=tmp_path)

    assert found.split() == expected


def test_a_drive_that_is_no_nvme_is_discarded_or_overwritten(tmp_path):
    (tmp_path / "id").touch()

    found = ask("methods", then=f"supported_methods {tmp_path / 'id'} 1048576", run_folder=tmp_path)

    assert found.split() == ["blkdiscard", "overwrite"]


def test_the_job_s_order_decides(tmp_path):
    choose = "choose_method 'nvme_format blkdiscard overwrite' 'blkdiscard overwrite nvme_format'"

    assert ask("methods", then=choose, run_folder=tmp_path) == "nvme_format"


def test_what_is_not_allowed_is_not_chosen(tmp_path):
    done = run("methods", then="choose_method nvme_format 'blkdiscard overwrite'", run_folder=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
