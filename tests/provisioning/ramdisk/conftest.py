"""A machine that boots the real ramdisk, with a stand-in portal beside it."""

from __future__ import annotations

import pytest

from tests.provisioning.built import deploy_iso
from tests.provisioning.guest_portal import GuestPortal, medium_for
from tests.provisioning.simulator.portal_stand_in import serving
from tests.provisioning.virtual_machine import Drive, VirtualMachine


@pytest.fixture(scope="session")
def iso():
    return deploy_iso()


@pytest.fixture
def portal():
    with serving(kind=GuestPortal) as portal:
        yield portal


@pytest.fixture
def boot(tmp_path, iso, portal):
    """Boot a machine with the drives for the portal's job, until it has switched itself off."""

    def go(*drives: Drive, extra=(), **medium) -> VirtualMachine:
        cdrom = medium_for(iso, tmp_path / "boot.iso", medium.pop("url", portal.boot_uri), **medium)
        machine = VirtualMachine(tmp_path / "machine", list(drives), cdrom=cdrom, extra=extra)
        machine.run()
        return machine

    return go
