"""What UEFI firmware is told between two starts, in the file of its variables.

By the command line of virt-firmware, which is a program of its own under the GPL and no part of ours.
"""

import subprocess
import sys
from pathlib import Path

from provisioning.simulator import vm

WRITE_S = 60


def boot_once_from(variables: Path, uri: str) -> None:
    """Have the next start, and no other, boot what is at an address: UEFI's BootNext with a device path of a URI.

    The firmware gets itself an address by DHCP and fetches it by HTTP (UEFI 2.10, section 24.7). Raises OSError when
    the variables cannot be written.
    """
    command = [sys.executable, "-m", "virt.firmware.vars", "--inplace", str(variables), f"--set-boot-uri={uri}"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=WRITE_S)
    except subprocess.SubprocessError as error:
        raise OSError(f"the firmware cannot be told what to boot: {error}") from error


def seen_by_guest(uri: str, portal: tuple[str, int]) -> str:
    """Return the address of the portal, as its host knows it, as a machine on a network of its own knows it."""
    outside, inside = (f"http://{host}:{port}/" for host, port in (portal, vm.PORTAL))
    return inside + uri.removeprefix(outside) if uri.startswith(outside) else uri
