"""Reservations that run in the background of the other tests."""

from dataclasses import dataclass
from datetime import timedelta

from portal.core import clock
from provisioning.simulator.faults import Fault
from tests.end_to_end import client

LEAD_S = 20
"""Time between the reservation and the begin of its preparation: enough to break its machines meanwhile."""

START_FAULTS = {
    Fault.BMC_REFUSES: "bmc_refused",
    Fault.BMC_HANGS: "bmc_timeout",
    Fault.POWER_LIE: "agent_silent",
    Fault.POWER_STUCK: "power_state_mismatch",
    Fault.CHECKSUM_WRONG: "image_checksum_mismatch",
    Fault.DISK_TOO_SMALL: "disk_too_small",
    Fault.AGENT_SILENT: "agent_silent",
    Fault.PROGRESS_STALL: "image_timeout",
    Fault.NO_PHONE_HOME: "no_phone_home",
    Fault.SSH_WRONG_HOST_KEY: "host_key_unexpected",
    Fault.GPU_MISSING: "gpu_missing",
}
"""What is wrong with a machine that is being handed over, and the reason that the customer is given."""

RELEASE_FAULTS = {
    Fault.ERASE_SKIPS: "erase_incomplete",
    Fault.AGENT_SILENT: "agent_silent",
    Fault.BMC_REFUSES: "bmc_refused",
    Fault.EXTRA_USER: "bmc_extra_user",
    Fault.BOOT_ORDER: "bmc_boot_changed",
    Fault.MEDIA_INSERTED: "bmc_media_inserted",
    Fault.FIRMWARE_FLASHED: "firmware_differs",
    Fault.IPMI_ON: "bmc_ipmi_on",
    Fault.PASSWORD_KEPT: "bmc_password_unproved",
}
"""The same for a machine that is being taken back."""


@dataclass(frozen=True)
class Troubled:
    """A reservation some of whose machines are broken: names of servers by what is wrong with them."""

    id: str
    broken: dict[Fault, str]
    healthy: str


def starts_in(product, server_type, seconds):
    """Return a start whose preparation begins ``seconds`` from now."""
    (lead,) = product.rows("select lead_time from fleet_servertype where slug = %s", server_type)[0]
    return clock.now() + lead + timedelta(seconds=seconds)


def begin_troubled_start(product, keys):
    """Reserve one server for each fault and a healthy one, and break them before they are begun with."""
    starts_at = starts_in(product, "h200-8x", LEAD_S)
    reservation = client.reserve(
        product, keys, len(START_FAULTS) + 1, server_type="h200-8x", starts_at=starts_at.isoformat()
    )
    healthy, *others = product.server_names(reservation)
    broken = dict(zip(START_FAULTS, others, strict=True))
    for fault, name in broken.items():
        product.faults.plant(name, fault)
    return Troubled(reservation, broken, healthy)


def begin_troubled_release(product, keys):
    """Reserve one server for each fault and a healthy one; they are broken once they are handed over."""
    reservation = client.reserve(product, keys, len(RELEASE_FAULTS) + 1, server_type="mi300x-8x")
    healthy, *others = product.server_names(reservation)
    return Troubled(reservation, dict(zip(RELEASE_FAULTS, others, strict=True)), healthy)


def begin_later_start(product, keys):
    """Reserve a server for three minutes, from a little later on: it must be handed over before they end."""
    starts_at = starts_in(product, "h100-8x", LEAD_S)
    return client.reserve(
        product,
        keys,
        starts_at=starts_at.isoformat(),
        ends_at=(starts_at + timedelta(minutes=3)).isoformat(),
    )
