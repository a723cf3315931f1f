"""The file that tells the emulated fleet which machines it is: drawn from the database at every start."""

import hashlib
import json
from pathlib import Path
from typing import Any

from portal.core.secrets import decrypt
from portal.fleet.models import Server, Switch
from portal.launcher.demo.networks import AGENT_VLANS
from portal.launcher.demo.offer import MACHINES, VIRTUAL
from portal.launcher.demo.servers import Addresses
from portal.launcher.secret_file import write_private

BELIEVABLE = {"power_on_s": 3.0, "image_min_s": 15.0, "boot_s": 6.0, "erase_min_s": 12.0}
DRIVE_FIRMWARE = "EMULATED"
FAST = {"power_on_s": 0.2, "image_min_s": 0.5, "boot_s": 0.3, "erase_min_s": 0.5}


def write_fleet_file(
    path: Path, *, addresses: Addresses, tls_folder: Path, fast: bool, portal: tuple[str, int] | None = None
) -> int:
    """Write ``path`` (mode 0600) and return the number of servers in it.

    With the address of the ``portal`` the virtual machines among them can reach it.
    """
    servers = (
        Server.objects.select_related("server_type", "bmc", "port__switch")
        .prefetch_related("nics", "drives")
        .order_by("pk")
    )
    entries = [_entry(server) for server in servers]
    fleet = {
        "bmc": {
            "host": addresses.bmc_host,
            "port": addresses.bmc_port,
            "cert": str(tls_folder / "bmc.crt"),
            "key": str(tls_folder / "bmc.key"),
        },
        "timings": FAST if fast else BELIEVABLE,
        "servers": entries,
        "switches": [_switch(switch) for switch in Switch.objects.order_by("pk")],
        "agent_vlans": list(AGENT_VLANS),
        **({} if portal is None else {"guests": {"portal_host": portal[0], "portal_port": portal[1]}}),
    }
    write_private(path, json.dumps(fleet, indent=1) + "\n")
    return len(entries)


def _switch(switch: Switch) -> dict[str, str]:
    return {"name": switch.name, "user": switch.username, "password": decrypt(switch.password_encrypted)}


def _entry(server: Server) -> dict[str, Any]:
    kind = server.server_type
    drive = server.drives.all()[0]
    chassis = next((machine.chassis for machine in (*MACHINES, VIRTUAL) if machine.slug == kind.slug), kind.name)
    port = getattr(server, "port", None)
    first, *others = sorted(server.nics.all(), key=lambda nic: nic.pk)
    is_virtual = kind.slug == VIRTUAL.slug
    return {
        "kind": "qemu" if is_virtual else "emulated",
        "name": server.name,
        "uuid": str(server.system_uuid),
        "serial": server.serial,
        "model": chassis,
        "bmc_user": server.bmc.username,
        "bmc_password_sha256": hashlib.sha256(decrypt(server.bmc.password_encrypted).encode()).hexdigest(),
        "mac": first.mac,
        "disk_bytes": drive.size_bytes,
        "drive_serial": drive.serial,
        "drive_model": drive.model,
        "drive_firmware": DRIVE_FIRMWARE,
        **({} if port is None else {"switch": port.switch.name, "port": port.name}),
        **({"switched_mac": others[0].mac} if is_virtual else {}),
        "ssh_host": server.ssh_host,
        "ssh_port": server.ssh_port,
        "gpu_model": kind.gpu_model,
        "gpu_count": kind.gpu_count,
        "cpu": kind.cpu,
        "memory_gb": kind.memory_gb,
    }
