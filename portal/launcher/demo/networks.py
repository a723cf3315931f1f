"""The demo's networks: in each fabric a switch with a port for every server, and the VLANs that there are."""

import secrets
from collections.abc import Iterable

from portal.core.secrets import encrypt
from portal.fleet.models import (
    Fabric,
    Network,
    NetworkKind,
    PortPlacement,
    Server,
    Switch,
    SwitchDriver,
    SwitchPort,
    VlanRange,
)
from portal.launcher.demo.servers import Addresses

VLANS = {NetworkKind.MANAGEMENT: 10, NetworkKind.PROVISIONING: 11, NetworkKind.CLEANING: 12}
FIRST_TENANT, LAST_TENANT = 100, 1999
AGENT_VLANS = (VLANS[NetworkKind.PROVISIONING], VLANS[NetworkKind.CLEANING])
"""From where servers reach the portal that prepares and erases them."""
SWITCH_USER = "metalyard"


def seed_networks(addresses: Addresses) -> None:
    """Give every fabric its networks and its switch, and every server its port, where it has none yet."""
    bare = list(Fabric.objects.filter(switches__isnull=True).order_by("pk"))
    VlanRange.objects.bulk_create(
        [VlanRange(fabric=fabric, first=FIRST_TENANT, last=LAST_TENANT) for fabric in bare], ignore_conflicts=True
    )
    Network.objects.bulk_create(
        [
            Network(fabric=fabric, kind=kind, vlan_id=vlan_id, vrf=kind.value)
            for fabric in bare
            for kind, vlan_id in VLANS.items()
        ],
        ignore_conflicts=True,
    )
    Switch.objects.bulk_create(_switch(fabric, addresses) for fabric in bare)
    _plug_in(Server.objects.filter(port__isnull=True).order_by("pk"))


def _switch(fabric: Fabric, addresses: Addresses) -> Switch:
    return Switch(
        name=f"sw-{fabric.name}",
        driver=SwitchDriver.EMULATED,
        address=f"https://{addresses.bmc_host}:{addresses.bmc_port}",
        fabric=fabric,
        username=SWITCH_USER,
        password_encrypted=encrypt(secrets.token_urlsafe(18)),
    )


def _plug_in(servers: Iterable[Server]) -> None:
    switches = {switch.fabric_id: switch for switch in Switch.objects.all()}
    ports = SwitchPort.objects.bulk_create(
        SwitchPort(switch=switches[server.fabric_id], name=f"swp-{server.name}", server=server) for server in servers
    )
    PortPlacement.objects.bulk_create(PortPlacement(port=port) for port in ports)
