"""The demo's networks: in each fabric a switch with a port for every server, and the VLANs that there are."""

import ipaddress
import secrets
from collections.abc import Iterable

from django.db.models import Count

from portal.core.secrets import encrypt
from portal.fleet.models import (
    NIC,
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
from portal.launcher.demo.offer import VIRTUAL
from portal.launcher.demo.servers import Addresses

VLANS = {NetworkKind.MANAGEMENT: 10, NetworkKind.PROVISIONING: 11, NetworkKind.CLEANING: 12}
FIRST_TENANT, LAST_TENANT = 100, 1999
AGENT_VLANS = (VLANS[NetworkKind.PROVISIONING], VLANS[NetworkKind.CLEANING])
"""From where servers reach the portal that prepares and erases them."""
SWITCH_USER = "metalyard"
INNER = ipaddress.ip_network("10.77.0.0/16")
"""Addresses under which the virtual machines of a tenant reach one another; the same network in every VLAN."""


def seed_networks(addresses: Addresses) -> None:
    """Give every fabric its networks and its switch, and every server its port, where it has none yet.

    A virtual machine has a second card for that, beside the one by which it reaches the portal.
    """
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
    machines = Server.objects.filter(server_type__slug=VIRTUAL.slug).annotate(cards=Count("nics"))
    NIC.objects.bulk_create(_switched_card(server) for server in machines.filter(cards=1).order_by("pk"))


def _switch(fabric: Fabric, addresses: Addresses) -> Switch:
    return Switch(
        name=f"sw-{fabric.name}",
        driver=SwitchDriver.EMULATED,
        address=f"https://{addresses.bmc_host}:{addresses.bmc_port}",
        fabric=fabric,
        username=SWITCH_USER,
        password_encrypted=encrypt(secrets.token_urlsafe(18)),
    )


def _switched_card(server: Server) -> NIC:
    """Return the second card, numbered as the first is."""
    end = server.nics.get().mac[-len("00:00") :]
    return NIC(
        server=server,
        mac=f"02:4d:59:01:{end}",
        purpose="tenant",
        address=str(INNER[1 + int(end.replace(":", ""), 16)]),
        prefix_length=INNER.prefixlen,
    )


def _plug_in(servers: Iterable[Server]) -> None:
    switches = {switch.fabric_id: switch for switch in Switch.objects.all()}
    ports = SwitchPort.objects.bulk_create(
        SwitchPort(switch=switches[server.fabric_id], name=f"swp-{server.name}", server=server) for server in servers
    )
    PortPlacement.objects.bulk_create(PortPlacement(port=port) for port in ports)
