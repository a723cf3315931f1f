"""QEMU's command line: what it boots from, and what a guest reaches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provisioning.simulator.vm import VM, OwnNetwork, SwitchedCard, TapNetwork, argv

NETWORK = OwnNetwork("127.77.1.2", 2222, "carry 127.0.0.1 8000")
BARE = VM(
    name="m-1", uuid="7e57ab1e-0000-4000-8000-000000000001", serial="SN1", mac="02:4d:59:00:00:01", memory_mb=1024,
    disk=Path("/a,b/disk.img"), drive_serial="D1", variables=Path("/v.fd"), monitor=Path("run/m.qmp"),
    console=Path("run/m.tty"), console_log=Path("/m.log"), network=NETWORK, cdrom=Path("/m.iso"),
)  # fmt: skip


def order(vm):
    """The devices that the firmware may boot from, first to last."""
    found = [word.split(",") for word in argv(vm) if "bootindex=" in word]
    return [words[0] for words in sorted(found, key=lambda words: words[-1])]


@pytest.mark.parametrize(
    ("boot", "first"),
    [
        ("None", ["nvme", "ide-cd"]),
        ("Hdd", ["nvme", "ide-cd"]),
        ("Cd", ["ide-cd", "nvme"]),
        ("Pxe", ["virtio-net-pci", "nvme", "ide-cd"]),
        ("UefiHttp", ["nvme", "ide-cd"]),
    ],
)
def test_what_is_asked_for_comes_first(boot, first):
    assert order(replace(BARE, boot=boot)) == first


def test_an_empty_drive_is_no_drive():
    assert order(replace(BARE, cdrom=None, boot="Cd")) == ["nvme"]


def test_a_guest_on_its_own_network_reaches_one_address():
    (netdev,) = (word for word in argv(BARE) if word.startswith("user,"))

    assert netdev == (
        "user,id=net0,restrict=on,hostfwd=tcp:127.77.1.2:2222-:22,guestfwd=tcp:10.0.2.100:8000-cmd:carry 127.0.0.1 8000"
    )
    assert "guestfwd" not in OwnNetwork("127.77.1.2", 2222).netdev()


def test_a_port_on_a_bridge_runs_no_script():
    assert "tap,id=net0,ifname=tap7,script=no,downscript=no" in argv(replace(BARE, network=TapNetwork("tap7")))


@pytest.mark.parametrize("network", [NETWORK, TapNetwork("tap7")])
def test_a_second_card_is_a_socket_and_nothing_boots_from_it(network):
    bare = replace(BARE, network=network)

    words = argv(replace(bare, switched=SwitchedCard("02:4d:59:01:00:01", 17), boot="Pxe"))

    cards = [word for word in words if word.startswith("virtio-net-pci")]
    assert [card.split(",")[1] for card in cards] == ["netdev=net0", "netdev=net1"]
    assert cards[1] == "virtio-net-pci,netdev=net1,mac=02:4d:59:01:00:01,romfile="
    assert "dgram,id=net1,local.type=fd,local.str=17" in words
    assert not any("net1" in word for word in argv(bare))


def test_a_comma_in_a_path_is_no_option():
    assert "if=none,id=disk0,format=raw,discard=unmap,file=/a,,b/disk.img" in argv(BARE)


@pytest.mark.parametrize("once", [True, False])
def test_a_boot_for_once_does_not_come_twice(once):
    assert ("-no-reboot" in argv(replace(BARE, is_off_after_reset=once))) is once
