"""Staff record networks, switches and ports, and see where each port is."""

import pytest

from portal.core import secrets
from portal.fleet.models import Network, Switch, SwitchPort, VlanRange
from portal.tenancy.staff import StaffRole
from tests import factories, networks, staff

pytestmark = pytest.mark.django_db
SWITCH = {
    "name": "leaf-1",
    "driver": "arista_eos",
    "address": "https://10.0.0.1",
    "username": "metalyard",
    "password": "pass word",
}
ON_FABRIC = {
    "vlan_range": {"first": 101, "last": 199},
    "network": {"kind": "cleaning", "vlan_id": 13, "vrf": ""},
    "switch": SWITCH,
}


def rows():
    return VlanRange.objects.count(), Network.objects.count(), Switch.objects.count()


@pytest.mark.parametrize("name", ON_FABRIC)
def test_operations_record_what_a_fabric_has_and_sales_do_not(name):
    fabric = factories.fabric()

    refused = staff.browser(StaffRole.SALES).post(staff.act_of(fabric, name), ON_FABRIC[name])
    assert (refused.status_code, rows()) == (403, (0, 0, 0))
    reply = staff.browser(StaffRole.OPERATIONS).post(staff.act_of(fabric, name), ON_FABRIC[name])

    assert reply.status_code == 302
    assert sum(rows()) == 1


def test_what_is_wrong_is_said_at_its_field():
    fabric, client = factories.fabric(), staff.browser(StaffRole.OPERATIONS)
    networks.providers(fabric)

    for name, sent, field in (
        ("vlan_range", {"first": 199, "last": 101}, "last"),
        ("network", {"kind": "cleaning", "vlan_id": 14}, "kind"),
        ("switch", SWITCH | {"address": "10.0.0.1"}, "address"),
    ):
        reply = client.post(staff.act_of(fabric, name), sent)
        assert (reply.status_code, list(reply.context["form"].errors)) == (422, [field])
    assert rows() == (1, 3, 0)


def test_the_access_to_a_switch_is_changed_without_showing_it():
    switch, client = networks.switch(), staff.browser(StaffRole.OPERATIONS)
    address = staff.act_of(switch, "access")

    shown = client.get(address).content.decode()
    client.post(address, {"address": "https://10.0.0.9", "username": "me", "password": ""})

    switch.refresh_from_db()
    assert "switch secret" not in shown
    assert (switch.address, switch.username) == ("https://10.0.0.9", "me")
    assert secrets.decrypt(switch.password_encrypted) == "switch secret"


def test_a_port_is_recorded_and_its_place_is_seen():
    server, client = factories.server(), staff.browser(StaffRole.OPERATIONS)
    switch, network = networks.switch(), networks.tenant_network()

    reply = client.post(staff.act_of(server, "port"), {"switch": switch.pk, "name": "swp1"})
    port = SwitchPort.objects.get()
    unknown = client.get(staff.page_of(port)).content.decode()
    networks.put(server, network)
    known = client.get(staff.page_of(port)).content.decode()

    assert reply.url == staff.page_of(port)
    assert (port.server, str(port)) == (server, f"{switch.name} swp1")
    assert "nobody knows" in unknown
    assert "nobody knows" not in known
    assert network.short_name in known
    assert "swp1" in client.get(staff.page_of(network)).content.decode()
    taken = client.post(staff.act_of(factories.server(), "port"), {"switch": switch.pk, "name": "swp1"})
    assert (taken.status_code, list(taken.context["form"].errors)) == (422, ["name"])
