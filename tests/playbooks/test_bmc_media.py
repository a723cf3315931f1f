"""The virtual drive: our boot medium goes in and comes out; somebody else's is evidence. No Ansible in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.metalyard.metal.plugins.plugin_utils.fence import Fence as FenceReader
from ansible_collections.metalyard.metal.plugins.plugin_utils.media import Media
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal
from ansible_collections.metalyard.metal.plugins.plugin_utils.system import System, Target
from ansible_collections.metalyard.metal.plugins.plugin_utils.transport import Transport

from provisioning.fence import drop_fence
from tests.playbooks.bmc_stand_in import PASSWORD, USER
from tests.playbooks.conftest import MEDIA

UUID = "11111111-2222-4333-8444-555555555555"
IMAGE = f"{MEDIA}token.iso"
EMPTY = {"Image": None, "Inserted": False}
OURS = {"Image": f"{MEDIA}earlier.iso", "Inserted": True}
THEIRS = {"Image": "http://203.0.113.9/rescue.iso", "Inserted": True}


@pytest.fixture
def build(fleet, certificate, fence_file):
    """Builds the drive's steps for the one server of the fleet, which was identified."""
    fleet.add(UUID, "SN1")
    opened = []

    def make(*, image=IMAGE, identified=True) -> Media:
        transport = Transport(
            fleet.address, username=USER, password=PASSWORD, ca_file=str(certificate[0]), timeout_s=60
        )
        opened.append(transport)
        target = Target(f"/redfish/v1/Systems/{UUID}", "SN1", image, 60)
        system = System(transport, target, FenceReader(Path(fence_file), epoch=7))
        if identified:
            system.identify()
        return Media(system, image=image, ours=MEDIA)

    yield make
    for transport in opened:
        transport.close()


@pytest.fixture
def media(build):
    return build()


def actions(fleet):
    return [write["path"].rsplit("/", 1)[1] for write in fleet.writes]


@pytest.mark.parametrize(("before", "done"), [(EMPTY, ["Insert"]), (OURS, ["Eject", "Insert"])])
def test_the_medium_of_this_boot_is_in_the_drive(fleet, media, before, done):
    fleet.drives[UUID] = dict(before)

    media.insert_media()

    assert fleet.drives[UUID] == {"Image": IMAGE, "Inserted": True}
    assert actions(fleet) == done
    assert {write["epoch"] for write in fleet.writes} == {"7"}


@pytest.mark.parametrize("held", [THEIRS, {"Image": None, "Inserted": True}, {"Image": "x"}])
def test_what_somebody_else_put_in_is_refused_and_left(fleet, media, held):
    fleet.drives[UUID] = dict(held)

    with pytest.raises(Refusal) as refused:
        media.insert_media()
    media.eject_media()

    assert refused.value.code == "bmc_media_inserted"
    assert fleet.drives[UUID] == held
    assert fleet.writes == []


@pytest.mark.parametrize(("before", "done"), [(EMPTY, []), (OURS, ["Eject"])])
def test_ours_comes_out(fleet, media, before, done):
    fleet.drives[UUID] = dict(before)

    media.eject_media()

    assert fleet.drives[UUID] == EMPTY
    assert actions(fleet) == done


@pytest.mark.parametrize(("step", "before"), [("insert_media", EMPTY), ("eject_media", OURS)])
def test_a_drive_that_only_says_yes_is_found_out(fleet, media, step, before):
    fleet.drives[UUID] = dict(before)
    fleet.faults[UUID] = "ignores_media"

    with pytest.raises(Refusal, match=r"^The BMC accepted") as refused:
        media.steps[step]()

    assert refused.value.code == "bmc_refused"


@pytest.mark.parametrize(("step", "before"), [("insert_media", EMPTY), ("eject_media", OURS)])
def test_nothing_is_changed_without_fence_or_identity(fleet, build, fence_file, step, before):
    fleet.drives[UUID] = dict(before)
    stranger, late = build(identified=False), build()
    drop_fence(fence_file)

    for media, code in ((stranger, "bmc_wrong_identity"), (late, "fence_lost")):
        with pytest.raises(Refusal) as refused:
            media.steps[step]()
        assert refused.value.code == code

    assert fleet.drives[UUID] == before
    assert fleet.writes == []


def test_a_boot_without_a_medium_is_refused(fleet, build):
    with pytest.raises(Refusal) as refused:
        build(image="").insert_media()

    assert (refused.value.code, fleet.writes) == ("bad_variables", [])


def test_a_bmc_without_a_drive_has_nothing_to_eject(fleet, media):
    fleet.faults[UUID] = "no_drive"

    media.eject_media()
    with pytest.raises(Refusal, match="no virtual drive"):
        media.insert_media()
