"""Other parts of the ramdisk's shell files, run on what the kernel would show."""

from __future__ import annotations

import base64
import json
import shutil
import struct
import subprocess

import pytest

from portal.api.serializers.agents import FoundPortField
from provisioning.ramdisk.medium import PLACEHOLDER
from provisioning.ramdisk.tree import OWN
from tests.provisioning.ramdisk.scripts import LIBRARY, ask, needs_busybox, run

pytestmark = needs_busybox

SHOW = 'read_medium && echo "$BOOT_URL $TOKEN $CA_FILE"'


def medium(folder, content):
    path = folder / "boot.cred"
    path.write_bytes(content)
    return {"run_folder": folder, "MEDIUM": path}


def test_the_medium_tells_where_the_job_is(tmp_path):
    given = medium(tmp_path, b"BOOT_URL=https://portal.test/agent/v1/boot/abc-DEF_1\n\n\n")

    told = ask("medium", then=SHOW, **given)

    assert told.split() == [
        "https://portal.test/agent/v1/boot/abc-DEF_1",
        "abc-DEF_1",
        "/etc/ssl/certs/ca-certificates.crt",
    ]


def test_the_medium_may_bring_the_authority(tmp_path):
    ca = b"-----BEGIN CERTIFICATE-----\n"
    given = medium(tmp_path, b"BOOT_URL=https://portal.test/b/t\nCA_PEM_BASE64=" + base64.b64encode(ca) + b"\n\n")

    assert ask("medium", then=SHOW, **given).endswith(f" {tmp_path}/ca.pem")
    assert (tmp_path / "ca.pem").read_bytes() == ca


@pytest.mark.parametrize(
    "content",
    [PLACEHOLDER, b"\n" * 4096, b"BOOT_URL=ftp://portal.test/t\n", b"BOOT_URL=https://h/t\nCA_PEM_BASE64=%%%\n"],
    ids=["placeholder", "empty", "other protocol", "bad authority"],
)
def test_another_medium_is_refused(tmp_path, content):
    done = run("medium", then=SHOW, **medium(tmp_path, content))

    assert done.returncode != 0
    assert "metalyard: " in done.stdout


@pytest.mark.parametrize(
    "status, again", [(6, True), (7, True), (35, True), (22, False), (28, False), (52, False), (60, False)]
)
def test_a_job_that_may_have_been_given_is_not_asked_for_again(tmp_path, status, again):
    done = run("portal", then=f"never_arrived {status}", run_folder=tmp_path)

    assert (done.returncode == 0) is again


def test_the_first_failure_is_reported(tmp_path):
    then = '(fail disk_too_small "it \\"has\\" 5"); (fail agent_error later); failure_as_json'

    report = json.loads(run(then=then, run_folder=tmp_path).stdout.split("\n", 0)[-1])

    assert report == {"ok": False, "error": "disk_too_small", "detail": 'it "has" 5'}


def test_a_job_that_ends_without_a_reason_is_reported_too(tmp_path):
    assert json.loads(ask(then="failure_as_json", run_folder=tmp_path))["error"] == "agent_error"


REPORTING = """
post() { cat >>"$RUN/sent"; left=${LEFT# }; LEFT=${left#* }; return "${left%% *}"; }
job() { echo https://portal.test/done; }
echo '{"ok":true}' >"$RESULT"
report_done
"""
DONE = {"ok": True}


@pytest.mark.parametrize(
    "answers, told",
    [
        ("0 ", [DONE]),
        ("22 0 ", [DONE, "agent_error"]),
        ("22 22 ", [DONE, "agent_error"]),
        ("56 52 0 ", [DONE, DONE, DONE]),
        ("7 7 7 7 7 7 ", [DONE] * 5),
    ],
    ids=["taken", "refused", "refused twice", "broken connections", "away"],
)
def test_a_report_is_sent_until_it_is_taken_or_refused(tmp_path, answers, told):
    """Of one that is refused the portal is told: it would wait for another until the time for the job is over."""
    run("portal", then=REPORTING, run_folder=tmp_path, LEFT=answers, REPORT_PAUSE_S=0)

    sent = "[" + (tmp_path / "sent").read_text().replace("}\n{", "},{") + "]"
    assert [item if item["ok"] else item["error"] for item in json.loads(sent)] == told


@pytest.mark.parametrize(
    "done, total, expected", [(0, 100, 10), (50, 100, 35), (100, 100, 60), (900, 100, 60), (1, 0, 60)]
)
def test_percents_stay_in_their_range(tmp_path, done, total, expected):
    assert ask("progress", then=f"percent_of {done} {total} 10 60", run_folder=tmp_path) == str(expected)


def make_drive(folder, name, *, size, removable=0, **attributes):
    (folder / name / "device").mkdir(parents=True)
    (folder / name / "size").write_text(f"{size // 512}\n")
    (folder / name / "removable").write_text(f"{removable}\n")
    for attribute, value in attributes.items():
        (folder / name / "device" / attribute).write_bytes(value)


def test_drives_are_told_from_everything_else_and_stand_in_one_order(tmp_path):
    blocks = tmp_path / "block"
    make_drive(blocks, "nvme1n1", size=2**40, serial=b"S-B   \n", model=b"Model B   \n", firmware_rev=b"1.0\n")
    make_drive(blocks, "nvme0n1", size=2**40, serial=b"S-C\n")
    make_drive(blocks, "sda", size=2**30, vpd_pg80=b"\0\x80\0\x08  SATA-A", model=b"Disk\n", rev=b"9\n")
    make_drive(blocks, "sdb", size=2**28, removable=1)
    for other in ("loop0", "sr0", "pmem0", "nvme0c0n1", "dm-0", "zram0"):
        make_drive(blocks, other, size=2**20)

    ordered = ask("drives", then="by_size", run_folder=tmp_path, SYS_BLOCK=blocks)
    told = json.loads(ask("drives", then="drive_as_json nvme1n1", run_folder=tmp_path, SYS_BLOCK=blocks))

    assert ordered.split() == ["sda", "nvme1n1", "nvme0n1"]
    assert told == {"serial": "S-B", "model": "Model B", "firmware": "1.0", "size_bytes": 2**40}
    assert ask("drives", then="serial_of sda", run_folder=tmp_path, SYS_BLOCK=blocks) == "SATA-A"


def memory_module(folder, number, size, extended=0):
    """An SMBIOS structure of type 17, as far as its sizes go."""
    (folder / f"17-{number}").mkdir(parents=True)
    raw = bytearray(40)
    struct.pack_into("<H", raw, 12, size)
    struct.pack_into("<I", raw, 28, extended)
    (folder / f"17-{number}" / "raw").write_bytes(raw)


def test_memory_is_what_the_modules_add_up_to(tmp_path):
    for number, sizes in enumerate([(16384,), (0x7FFF, 65536), (0,), (0xFFFF,), (0x8000 | 512,)]):
        memory_module(tmp_path / "dmi", number, *sizes)

    found = ask("inspect", then="memory_bytes", run_folder=tmp_path, DMI_TABLE=tmp_path / "dmi")

    assert int(found) == (16384 + 65536) * 2**20 + 512 * 2**10


@pytest.mark.parametrize(
    ("sizes", "told"), [((), "false"), ((0, 16384), "true"), ((16384, 0xFFFF), "false"), ((0,), "false")]
)
def test_memory_counts_as_listed_where_every_module_tells_its_size(tmp_path, sizes, told):
    for number, size in enumerate(sizes):
        memory_module(tmp_path / "dmi", number, size)

    assert ask("inspect", then="memory_is_listed", run_folder=tmp_path, DMI_TABLE=tmp_path / "dmi") == told


def card(folder, name, mac, speed):
    (folder / name / "device").mkdir(parents=True)
    (folder / name / "device" / "driver").symlink_to("/sys/bus/pci/drivers/virtio_net")
    (folder / name / "address").write_text(f"{mac}\n")
    (folder / name / "speed").write_text(f"{speed}\n")


def test_network_cards_are_told_in_the_form_that_the_portal_takes(tmp_path):
    card(tmp_path / "net", "eth0", "02:4d:59:00:00:01", 400_000)
    card(tmp_path / "net", "eth1", "02:4d:59:01:00:01", -1)
    (tmp_path / "net" / "lo").mkdir()

    found = json.loads(ask("inspect", then="network_cards_as_json", run_folder=tmp_path, NET=tmp_path / "net"))

    assert [(item["mac"], item["speed_mbps"], item["driver"]) for item in found] == [
        ("02:4d:59:00:00:01", 400_000, "virtio_net"),
        ("02:4d:59:01:00:01", 0, "virtio_net"),
    ]
    assert all(FoundPortField(data=item).is_valid() for item in found)


def pci(folder, address, kind, vendor, device):
    (folder / address).mkdir(parents=True)
    for name, value in (("class", kind), ("vendor", vendor), ("device", device)):
        (folder / address / name).write_text(f"{value}\n")


def test_gpus_are_told_from_the_management_chip_s_display(tmp_path):
    pci(tmp_path / "pci", "0000:01:00.0", "0x030200", "0x10de", "0x2330")
    pci(tmp_path / "pci", "0000:02:00.0", "0x030000", "0x1a03", "0x2000")
    pci(tmp_path / "pci", "0000:03:00.0", "0x030000", "0x10de", "0x2684")
    pci(tmp_path / "pci", "0000:04:00.0", "0x120000", "0x1002", "0x74a1")
    pci(tmp_path / "pci", "0000:05:00.0", "0x020000", "0x15b3", "0x1021")

    found = json.loads(ask("inspect", then="gpus_as_json", run_folder=tmp_path, PCI=tmp_path / "pci"))

    assert [(gpu["pci"], gpu["vendor"], gpu["device"]) for gpu in found] == [
        ("0000:01:00.0", "10de", "2330"),
        ("0000:03:00.0", "10de", "2684"),
        ("0000:04:00.0", "1002", "74a1"),
    ]


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_shell_files_are_clean():
    files = [str(path) for path in (LIBRARY / "boot.sh", OWN / "init", OWN / "usr/share/udhcpc/default.script")]
    command = ["shellcheck", "--shell=dash", "--external-sources", "--check-sourced", "--source-path=SCRIPTDIR", *files]
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.stdout == ""
    assert done.returncode == 0
