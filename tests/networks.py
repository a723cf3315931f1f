"""Networks, switches and ports, one line each: what ``factories`` is for everything else."""

from portal.core import secrets
from portal.core.actors import SYSTEM
from portal.fleet.models import Network, Switch, SwitchDriver, VlanRange
from portal.fleet.moving import begin_moves, settle_moves
from portal.fleet.networks import PROVIDERS, allocate_network
from portal.fleet.ports import record_port
from tests import factories


def vlan_range(of=None, first=101, last=199):
    return VlanRange.objects.get_or_create(fabric=of or factories.fabric(), defaults={"first": first, "last": last})[0]


def providers(of=None):
    """Return the provider's own networks of a fabric by kind; tenants' come from its range."""
    home = of or factories.fabric()
    vlan_range(home)
    return {
        kind: Network.objects.get_or_create(
            fabric=home, kind=kind, defaults={"vlan_id": 11 + number, "vrf": kind.value}
        )[0]
        for number, kind in enumerate(PROVIDERS)
    }


def tenant_network(in_project=None, of=None):
    home = of or factories.fabric()
    providers(home)
    return allocate_network(actor=SYSTEM, project=in_project or factories.project(), fabric=home)


def switch(of=None):
    home = of or factories.fabric()
    fields = {
        "driver": SwitchDriver.EMULATED,
        "address": "https://127.0.0.1:1",
        "username": "metalyard",
        "password_encrypted": secrets.encrypt("switch secret"),
    }
    return Switch.objects.get_or_create(name=f"sw-{home.pk}", fabric=home, defaults=fields)[0]


def port(of, name=""):
    """Hang a server on a port of its fabric's switch."""
    providers(of.fabric)
    return record_port(actor=SYSTEM, server=of, switch=switch(of.fabric), name=name or f"swp{of.pk}")


def begin(server, network):
    """Note that a server's port is about to be moved; return why it must not be, nothing if it may."""
    refused = begin_moves(actor=SYSTEM, goals={server: network}, operation_id="op_1", epoch=3)
    return refused.get(server, "")


def settle(server, network, vlan_id):
    """Note where a switch says that a server's port is; tell whether that is where it was to go."""
    said = {server: vlan_id}
    return server in settle_moves(actor=SYSTEM, goals={server: network}, said=said, operation_id="op_1")


def put(server, network=None):
    """Bring the port of a server to a network by way of none, or to none, as a worker does on a willing switch."""
    for goal in dict.fromkeys((None, network)):
        begin(server, goal)
        settle(server, goal, goal.vlan_id if goal else None)
