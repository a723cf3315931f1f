"""What is wrong with a machine just now: one small file per machine, read anew at each use."""

import json
from enum import StrEnum
from pathlib import Path


class Fault(StrEnum):
    """The things that can be wrong."""

    BMC_REFUSES = "bmc_refuses"  # every write is answered with 503
    BMC_HANGS = "bmc_hangs"  # no answer for two minutes, or until the fault is taken away
    POWER_LIE = "power_lie"  # reports the power that was asked for, but nothing runs
    POWER_STUCK = "power_stuck"  # accepts power commands and does nothing
    CHECKSUM_WRONG = "checksum_wrong"  # one byte of the image arrives altered
    DISK_TOO_SMALL = "disk_too_small"  # the disk turns out smaller than the image
    AGENT_SILENT = "agent_silent"  # the ramdisk boots but never calls
    NO_PHONE_HOME = "no_phone_home"  # the first boot never calls
    PROGRESS_STALL = "progress_stall"  # imaging and erasing stop at 40 percent
    ERASE_SKIPS = "erase_skips"  # one block in a thousand is not erased
    SSH_WRONG_HOST_KEY = "ssh_wrong_host_key"  # phones home with another host key than it serves
    GPU_MISSING = "gpu_missing"  # one GPU fewer than it was built with
    GPU_XID = "gpu_xid"  # the driver reports that a GPU has fallen off the bus
    GPU_ECC = "gpu_ecc"  # memory of a GPU has had errors that could not be corrected
    LINK_DOWN = "link_down"  # the BMC sees no link at the server's port
    FABRIC_SLOW = "fabric_slow"  # what it measures over the fabric is a tenth of what it should be
    MEMORY_MISSING = "memory_missing"  # half of the memory
    DRIVE_WRONG = "drive_wrong"  # another, smaller drive
    EXTRA_USER = "extra_user"  # the BMC has an account that nobody of ours made
    BOOT_ORDER = "boot_order"  # the order in which the server looks for a system was turned round
    MEDIA_INSERTED = "media_inserted"  # an image lies in the BMC's virtual drive
    FIRMWARE_FLASHED = "firmware_flashed"  # the BMC runs another version than it was given
    IPMI_ON = "ipmi_on"  # IPMI over LAN was switched on
    PORT_STUCK = "port_stuck"  # the switch accepts that the port is moved and leaves it where it is
    SWITCH_REFUSES = "switch_refuses"  # the switch answers every move of the port with 503
    PASSWORD_KEPT = "password_kept"  # noqa: S105 - a fault: the BMC takes the new password, and the old one still
    PASSWORD_IGNORED = "password_ignored"  # noqa: S105 - a fault: the BMC says that it took the new password and did not


class Faults:
    """The folder of fault files."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, which may not exist yet."""
        self.folder = folder

    def has(self, name: str, *faults: Fault) -> bool:
        """Tell whether the machine has one of ``faults`` now."""
        try:
            found = json.loads((self.folder / f"{name}.json").read_text()).get("fault")
        except (OSError, ValueError, AttributeError):
            return False
        return found in faults

    def since(self, name: str) -> float:
        """Return when what is wrong with a machine began, in seconds since 1970. Raises FileNotFoundError."""
        return (self.folder / f"{name}.json").stat().st_mtime

    def plant(self, name: str, fault: Fault) -> None:
        """Make something wrong with a machine."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{name}.part"
        partial.write_text(json.dumps({"fault": fault}))
        partial.replace(self.folder / f"{name}.json")

    def clear(self, name: str) -> None:
        """Repair a machine."""
        (self.folder / f"{name}.json").unlink(missing_ok=True)
