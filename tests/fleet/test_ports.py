"""Where ports are: what was read back, and never two networks without none between."""

import pytest
from django.db import IntegrityError, transaction

from portal.audit.models import AuditEvent
from portal.core import secrets
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from portal.fleet.models import PortPlacement, Switch, SwitchPort
from portal.fleet.moving import begin_moves, settle_moves
from portal.fleet.ports import add_switch, placement_of, record_port, set_access
from tests import factories, networks
from tests.networks import begin, settle

pytestmark = pytest.mark.django_db


@pytest.fixture
def server():
    made = factories.server(state="quarantined")
    networks.port(made)
    return made


def isolate(server):
    assert begin(server, None) == ""
    assert settle(server, None, None)


def enter(server, network):
    assert begin(server, network) == ""
    assert settle(server, network, network.vlan_id)


def at(server):
    placement = placement_of(server)
    return placement.is_proved, placement.network, placement.moving_to


def test_nobody_knows_where_a_new_port_is(server):
    assert at(server) == (False, None, None)
    assert not placement_of(server).is_isolated
    assert "nobody knows" in begin(server, networks.tenant_network())
    assert at(server) == (False, None, None)


def test_a_port_goes_to_a_network_and_out_again(server):
    network = networks.tenant_network()

    isolate(server)
    assert placement_of(server).is_isolated
    begin(server, network)
    assert at(server) == (True, None, network)
    assert not placement_of(server).is_isolated
    settle(server, network, network.vlan_id)
    assert at(server) == (True, network, None)
    isolate(server)
    assert placement_of(server).is_isolated
    assert (placement_of(server).operation_id_text, placement_of(server).epoch) == ("op_1", 3)


def test_only_what_was_read_back_counts(server):
    network = networks.tenant_network()
    isolate(server)
    begin(server, network)

    assert not settle(server, network, None)
    assert not settle(server, network, network.vlan_id + 1)
    assert at(server) == (True, None, network)
    settle(server, network, network.vlan_id)
    assert not settle(server, None, network.vlan_id)
    assert at(server) == (True, network, None)


@pytest.mark.parametrize("arrived", [False, True])
def test_what_is_or_may_be_in_one_network_goes_to_no_other(server, arrived):
    mine, others = networks.tenant_network(), networks.tenant_network()
    isolate(server)
    begin(server, mine)
    if arrived:
        settle(server, mine, mine.vlan_id)
    before = at(server)

    assert "once it is proved to be in none" in begin(server, others)
    with pytest.raises(StateConflict, match="not on its way"):
        settle(server, others, others.vlan_id)

    assert at(server) == before


def test_a_move_may_be_begun_and_settled_twice(server):
    network = networks.tenant_network()
    isolate(server)
    for _ in range(2):
        enter(server, network)
    isolate(server)
    isolate(server)

    assert placement_of(server).is_isolated


def test_a_server_without_a_port_is_told():
    server = factories.server()

    assert begin(server, None) == f"No switch port is recorded for {server.name}."
    assert not settle(server, None, None)


@pytest.mark.parametrize(
    "before, after",
    [
        (("is_proved", "network"), {"moving_to": "other"}),
        (("is_proved", "moving_to"), {"moving_to": "other"}),
        (("is_proved", "network"), {"network": "other"}),
        (("is_proved", "moving_to"), {"moving_to": None, "network": "other"}),
        (("is_proved",), {"network": "other"}),
        ((), {"moving_to": "other"}),
    ],
)
def test_the_database_refuses_every_short_cut(server, before, after):
    known = {"mine": networks.tenant_network(), "other": networks.tenant_network(), None: None}
    if "is_proved" in before:
        isolate(server)
    if "network" in before or "moving_to" in before:
        begin(server, known["mine"])
    if "network" in before:
        settle(server, known["mine"], known["mine"].vlan_id)
    held = at(server)

    with pytest.raises(IntegrityError, match=r"port_|by way of none"), transaction.atomic():
        PortPlacement.objects.update(**{name: known[value] for name, value in after.items()})

    assert at(server) == held


def test_no_port_begins_in_a_network():
    port = networks.port(factories.server())
    port.placement.delete()

    with pytest.raises(IntegrityError, match="by way of none"), transaction.atomic():
        PortPlacement.objects.create(port=port, network=networks.tenant_network(), is_proved=True)


def test_a_cable_is_moved_while_the_server_is_in_nobodys_hands(server):
    isolate(server)
    switch = server.port.switch

    record_port(actor=SYSTEM, server=server, switch=switch, name=server.port.name)
    assert placement_of(server).is_isolated, "nothing was moved"
    record_port(actor=SYSTEM, server=server, switch=switch, name="Ethernet1/1")

    assert SwitchPort.objects.get().name == "Ethernet1/1"
    assert at(server) == (False, None, None)


def test_the_cable_of_a_server_at_work_stays():
    server = factories.server(state="in_use")
    port = networks.port(server)

    with pytest.raises(StateConflict, match="in nobody's hands"):
        record_port(actor=SYSTEM, server=server, switch=port.switch, name="Ethernet1/1")
    assert SwitchPort.objects.get() == port


def test_a_port_is_one_servers_and_in_its_fabric(server):
    other, elsewhere = factories.server(state="enrolled"), networks.switch(factories.fabric("B"))

    for switch, name, field in (
        (server.port.switch, server.port.name, "name"),
        (server.port.switch, "no port; at all", "name"),
        (elsewhere, "swp1", "switch"),
    ):
        with pytest.raises(InvalidInput) as refused:
            record_port(actor=SYSTEM, server=other, switch=switch, name=name)
        assert [error.field for error in refused.value.errors] == [field]
    assert SwitchPort.objects.count() == 1


def switch_of(**kwargs):
    fields = {"name": "leaf-1", "driver": "arista_eos", "address": "https://10.0.0.1", "fabric": factories.fabric()}
    return add_switch(actor=SYSTEM, **fields | {"username": "admin", "password": "secret words"} | kwargs)


def test_the_password_of_a_switch_is_kept_encrypted():
    switch = switch_of()

    set_access(actor=SYSTEM, switch=switch, address="https://10.0.0.2", username="metalyard")
    switch.refresh_from_db()

    assert (switch.address, switch.username) == ("https://10.0.0.2", "metalyard")
    assert "secret words" not in switch.password_encrypted
    assert secrets.decrypt(switch.password_encrypted) == "secret words"
    set_access(actor=SYSTEM, switch=switch, address="https://10.0.0.2", username="metalyard", password="another")
    switch.refresh_from_db()
    assert secrets.decrypt(switch.password_encrypted) == "another"


def test_linux_bridges_need_no_login():
    assert switch_of(driver="linux_bridge", address="fab", username="", password="").password_encrypted == ""


@pytest.mark.parametrize(
    "fields, wrong",
    [
        ({"driver": "nonsense"}, ["driver"]),
        ({"name": "Leaf 1"}, ["name"]),
        ({"address": "http://10.0.0.1"}, ["address"]),
        ({"address": "https://admin:secret@10.0.0.1"}, ["address"]),
        ({"username": "", "password": ""}, ["username", "password"]),
        ({"driver": "linux_bridge", "address": "https://x"}, ["address"]),
    ],
)
def test_a_switch_that_cannot_be_reached_is_refused(fields, wrong):
    with pytest.raises(InvalidInput) as refused:
        switch_of(**fields)

    assert [error.field for error in refused.value.errors] == wrong
    assert not Switch.objects.exists()


def test_two_switches_have_two_names():
    switch_of()

    with pytest.raises(InvalidInput, match="leaf-1 already"):
        switch_of()


@pytest.mark.parametrize(
    "fields, constraint", [({"driver": "x"}, "switch_driver_known"), ({"address": "http://x"}, "switch_speaks_tls")]
)
def test_the_database_refuses_a_switch_that_nothing_speaks_to(fields, constraint):
    switch_of()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Switch.objects.update(**fields)


def test_one_that_may_not_be_moved_stops_no_other(server):
    other, network = factories.server(state="quarantined"), networks.tenant_network()
    networks.port(other)
    isolate(server)

    refused = begin_moves(actor=SYSTEM, goals={server: network, other: network}, operation_id="op_2", epoch=4)

    assert list(refused) == [other]
    assert at(server) == (True, None, network)
    assert (at(other), placement_of(other).operation_id_text) == ((False, None, None), "")


def test_where_many_ports_are_is_noted_in_as_many_statements_as_where_one_is(django_assert_max_num_queries):
    servers, network = factories.servers(9, state="quarantined"), networks.tenant_network()
    for each in servers:
        networks.port(each)
        isolate(each)
    goals = dict.fromkeys(servers, network)
    said = dict.fromkeys(servers, network.vlan_id)

    with django_assert_max_num_queries(16):
        assert begin_moves(actor=SYSTEM, goals=goals, operation_id="op_2", epoch=4) == {}
        assert settle_moves(actor=SYSTEM, goals=goals, said=said, operation_id="op_2") == set(servers)
    entered = AuditEvent.objects.filter(verb="server.network_entered").values_list("target", flat=True)
    assert sorted(entered) == sorted(each.public_id for each in servers)
