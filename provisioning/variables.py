"""From a part of an operation to variables for Ansible. The only writer of tenant text, always tagged unsafe.

Names are fixed here: a tenant never chooses a variable's name. User-data never comes this way: it travels to the
machine inside its boot job.
"""

from typing import TypedDict

from django.conf import settings

from portal.core import secrets
from portal.fleet.models import Network
from portal.operations.models import OperationServer
from provisioning.credentials import login_of


class Unsafe(TypedDict):
    """Text that Ansible must never evaluate as a template (the tag of ansible-core's JSON profile)."""

    __ansible_unsafe: str


class PortNetwork(TypedDict):
    """The network that a port is moved to, as a switch knows it."""

    kind: str
    vlan_id: int
    name: str


class HostVars(TypedDict, total=False):
    """What a playbook knows of one server."""

    bmc_address: str
    bmc_system_path: str
    bmc_username: str
    bmc_password: Unsafe
    bmc_next_password: Unsafe
    bmc_ca_file: str
    server_serial: Unsafe
    boot_method: str
    boot_uri: str
    ssh_host: str
    ssh_port: int
    ssh_user: str
    ssh_host_keys: list[Unsafe]
    ssh_verify_key: str
    tenant_hostname: Unsafe
    switch_driver: str
    switch_name: str
    switch_address: str
    switch_port: str
    switch_user: str
    switch_password: Unsafe
    switch_ca_path: str
    port_network: PortNetwork | None


def unsafe(text: str) -> Unsafe:
    """Tag text that did not come from us."""
    return {"__ansible_unsafe": text}


def host_vars(part: OperationServer, boot_uri: str = "") -> HostVars:
    """Return the variables of one server. Raises ValueError when its BMC's secret cannot be opened."""
    server = part.server
    login = login_of(server.bmc)
    found: HostVars = {
        "bmc_address": server.bmc.address,
        "bmc_system_path": f"/redfish/v1/Systems/{server.system_uuid}",
        "bmc_username": login.username,
        "bmc_password": unsafe(login.password),
        "bmc_ca_file": settings.METALYARD_BMC_CA_FILE,
        "boot_method": server.bmc.boot_method,
        "server_serial": unsafe(server.serial),
        "ssh_host": server.ssh_host,
        "ssh_port": server.ssh_port,
        "ssh_host_keys": [unsafe(key) for key in part.host_keys],
        "tenant_hostname": unsafe(part.hostname),
    }
    if login.next_password:
        found["bmc_next_password"] = unsafe(login.next_password)
    if part.operation.image is not None:
        found["ssh_user"] = part.operation.image.default_user
    if part.verify_key_encrypted:
        found["ssh_verify_key"] = secrets.decrypt(part.verify_key_encrypted)
    if boot_uri:
        found["boot_uri"] = boot_uri
    return found


def port_vars(part: OperationServer, network: Network | None) -> HostVars:
    """Return what a server's port is moved by: to a network, or to none. Raises ValueError as ``host_vars`` does."""
    port = part.server.port
    switch = port.switch
    sealed = switch.password_encrypted
    return {
        "switch_driver": switch.driver,
        "switch_name": switch.name,
        "switch_address": switch.address,
        "switch_port": port.name,
        "switch_user": switch.username,
        "switch_password": unsafe(secrets.decrypt(sealed) if sealed else ""),
        "switch_ca_path": settings.METALYARD_SWITCH_CA_FILE,
        "port_network": _known_as(network) if network else None,
    }


def _known_as(network: Network) -> PortNetwork:
    return {"kind": network.kind, "vlan_id": network.vlan_id, "name": network.short_name}
