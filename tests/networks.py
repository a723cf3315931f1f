"""Networks, switches and ports, one line each: what ``factories`` is for everything else."""

from portal.core import secrets
from portal.core.actors import SYSTEM
from portal.fleet.models import Network, Switch, SwitchDriver, VlanRange
from portal.fleet.networks import PROVIDERS, allocate_network
from portal.fleet.ports import begin_move, record_port, settle_move
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


def put(server, network=None):
    """Bring the port of a server to a network by way of none, or to none, as a worker does on a willing switch."""
    for goal in dict.fromkeys((None, network)):
        begin_move(actor=SYSTEM, server=server, network=goal, operation_id="op_1", epoch=1)
        vlan_id = goal.vlan_id if goal else None
        settle_move(actor=SYSTEM, server=server, network=goal, vlan_id=vlan_id, operation_id="op_1")
