"""A BMC's own memory: its password, and what may have been done to it."""

import pytest

from provisioning.simulator.controller import BOOT_ORDER, FIRMWARE, Controller, hashed
from provisioning.simulator.faults import Fault

NEW, NEWER = "a-new-Passw0rd", "a-newer-Passw0rd"


@pytest.fixture
def bmc(machine):
    return Controller(machine)


def opens(bmc, *passwords):
    return [bmc.opens("user1", hashed(password)) for password in passwords]


def test_a_new_password_counts_at_once_and_after_a_restart(bmc, machine):
    bmc.change_password(NEW)

    assert opens(bmc, "password-1", NEW) == [False, True]
    assert opens(Controller(machine), "password-1", NEW) == [False, True]
    assert NEW not in (machine.place.folder / "state" / "srv-1.bmc.json").read_text()


def test_the_password_opens_no_other_account(bmc):
    assert not bmc.opens("user2", hashed("password-1"))
    assert not bmc.opens("", hashed("password-1"))


def test_a_short_password_is_refused_and_the_old_one_stays(bmc):
    with pytest.raises(ValueError, match="at least 8"):
        bmc.change_password("short")

    assert opens(bmc, "password-1", "short") == [True, False]


def test_a_bmc_that_lies_keeps_every_password_until_it_is_repaired(bmc, faults):
    faults.plant("srv-1", Fault.PASSWORD_KEPT)
    bmc.change_password(NEW)
    bmc.change_password(NEW)
    lied = opens(bmc, "password-1", NEW)
    faults.clear("srv-1")
    bmc.change_password(NEWER)

    assert lied == [True, True]
    assert opens(bmc, "password-1", NEW, NEWER) == [False, False, True]


def test_a_bmc_that_ignores_a_password_says_nothing_of_it(bmc, faults):
    faults.plant("srv-1", Fault.PASSWORD_IGNORED)
    bmc.change_password(NEW)

    assert opens(bmc, "password-1", NEW) == [True, False]


def seen(bmc):
    names = [account["UserName"] for account in accounts(bmc)]
    versions = {name: bmc.resource(["UpdateService", "FirmwareInventory", name])["Version"] for name in FIRMWARE}
    return {
        Fault.EXTRA_USER: names,
        Fault.BOOT_ORDER: bmc.boot_order(),
        Fault.MEDIA_INSERTED: bmc.media(),
        Fault.FIRMWARE_FLASHED: versions,
        Fault.IPMI_ON: bmc.resource(["Managers", "NetworkProtocol"])["IPMI"]["ProtocolEnabled"],
    }


def accounts(bmc):
    members = bmc.resource(["AccountService", "Accounts"])["Members"]
    return [bmc.resource(member["@odata.id"].removeprefix("/redfish/v1/").split("/")) for member in members]


def test_a_bmc_that_nobody_touched_is_as_it_was_made(bmc):
    assert list(seen(bmc).values()) == [["user1"], BOOT_ORDER, {}, FIRMWARE, False]
    assert bmc.resource(["UpdateService", "FirmwareInventory", "TPM"]) is None
    assert bmc.resource(["Systems"]) is None


@pytest.mark.parametrize(
    "fault", [Fault.EXTRA_USER, Fault.BOOT_ORDER, Fault.MEDIA_INSERTED, Fault.FIRMWARE_FLASHED, Fault.IPMI_ON]
)
def test_each_tampering_shows_where_it_was_done_and_nowhere_else(bmc, faults, fault):
    before = seen(bmc)
    faults.plant("srv-1", fault)
    after = seen(bmc)

    assert [name for name in before if before[name] != after[name]] == [fault]
