"""Which numbers networks get: never the same twice in a fabric, whoever asks at the same time."""

import pytest
from django.db import IntegrityError, transaction

from portal.audit.models import AuditEvent
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from portal.fleet import networks as services
from portal.fleet.models import Network, NetworkKind, PortPlacement, VlanRange
from portal.fleet.networks import PROVIDERS, add_network, allocate_network, free_network, set_vlan_range
from tests import factories, networks
from tests.racing import Runner, await_blocked, race

pytestmark = pytest.mark.django_db


def allocate(project=None, fabric=None):
    return allocate_network(actor=SYSTEM, project=project or factories.project(), fabric=fabric or factories.fabric())


def verbs():
    return list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))


def test_a_project_gets_the_lowest_free_numbers_once():
    networks.vlan_range(first=101, last=103)
    project = factories.project()
    Network.objects.create(fabric=factories.fabric(), kind=NetworkKind.MANAGEMENT, vlan_id=101, vrf="management")

    first, again, other = allocate(project), allocate(project), allocate()

    assert first == again
    assert [(network.vlan_id, network.partition_key) for network in (first, other)] == [(102, 1), (103, 2)]
    assert (first.project, first.vrf, first.short_name) == (project, "t-102", "t-102")
    assert verbs().count("network.allocated") == 2


def test_the_same_project_has_another_network_in_each_fabric():
    elsewhere, project = factories.fabric("B"), factories.project()
    for fabric in (factories.fabric(), elsewhere):
        networks.vlan_range(fabric)

    assert allocate(project) != allocate(project, elsewhere)


def test_a_range_that_is_used_up_says_so_and_changes_nothing():
    networks.vlan_range(first=101, last=101)
    allocate()
    before = verbs()

    with pytest.raises(StateConflict, match=r"All VLANs of A for tenants \(101-101\) are in use"):
        allocate()
    assert (Network.objects.count(), verbs()) == (1, before)


def test_without_a_range_there_is_nothing_to_take():
    with pytest.raises(StateConflict, match="has no range of VLANs"):
        allocate()
    assert not Network.objects.exists()


def test_partition_keys_run_out_too(monkeypatch):
    networks.vlan_range()
    monkeypatch.setattr(services, "LAST_PARTITION", 1)
    allocate()

    with pytest.raises(StateConflict, match="All partition keys"):
        allocate()
    assert Network.objects.count() == 1


def test_what_is_given_up_is_taken_again():
    networks.vlan_range()
    first, second = allocate(), allocate()

    free_network(actor=SYSTEM, network=first)
    free_network(actor=SYSTEM, network=first)

    assert verbs().count("network.freed") == 1
    assert allocate().vlan_id == first.vlan_id != second.vlan_id


@pytest.mark.parametrize("arrived", [False, True])
def test_a_network_with_a_port_in_it_is_not_given_up(arrived):
    network, server = networks.tenant_network(), factories.server()
    networks.port(server)
    networks.settle(server, None, None)
    networks.begin(server, network)
    if arrived:
        networks.settle(server, network, network.vlan_id)

    with pytest.raises(StateConflict, match="Ports are in t-101"):
        free_network(actor=SYSTEM, network=network)
    assert Network.objects.filter(pk=network.pk).exists()


def test_the_providers_own_networks_are_not_given_up():
    network = networks.providers()[NetworkKind.CLEANING]

    with pytest.raises(StateConflict, match="provider's own"):
        free_network(actor=SYSTEM, network=network)


def test_a_range_is_set_and_set_anew():
    fabric = factories.fabric()

    set_vlan_range(actor=SYSTEM, fabric=fabric, first=2, last=4093)
    set_vlan_range(actor=SYSTEM, fabric=fabric, first=100, last=100)

    assert str(VlanRange.objects.get()) == "100-100"


@pytest.mark.parametrize(
    "first, last, fields",
    [(1, 100, ["first"]), (0, 4095, ["first", "last"]), (100, 4094, ["last"]), (200, 100, ["last"])],
)
def test_a_range_that_is_none_is_refused(first, last, fields):
    with pytest.raises(InvalidInput) as refused:
        set_vlan_range(actor=SYSTEM, fabric=factories.fabric(), first=first, last=last)

    assert [error.field for error in refused.value.errors] == fields
    assert not VlanRange.objects.exists()


def test_a_fabric_has_one_network_of_each_of_the_providers_kinds():
    fabric = factories.fabric()
    for number, kind in enumerate(PROVIDERS):
        add_network(actor=SYSTEM, fabric=fabric, kind=kind, vlan_id=10 + number)

    assert set(Network.objects.values_list("kind", "vrf")) == {(kind, kind) for kind in PROVIDERS}


@pytest.mark.parametrize(
    "kind, vlan_id, fields",
    [
        ("tenant", 20, ["kind"]),
        ("nonsense", 1, ["kind", "vlan_id"]),
        ("management", 20, ["kind"]),
        ("cleaning", 11, ["vlan_id"]),
        ("cleaning", 4095, ["vlan_id"]),
    ],
)
def test_a_network_that_cannot_be_is_refused(kind, vlan_id, fields):
    add_network(actor=SYSTEM, fabric=factories.fabric(), kind="management", vlan_id=11)

    with pytest.raises(InvalidInput) as refused:
        add_network(actor=SYSTEM, fabric=factories.fabric(), kind=kind, vlan_id=vlan_id)

    assert [error.field for error in refused.value.errors] == fields
    assert Network.objects.count() == 1


@pytest.mark.parametrize(
    "fields, constraint",
    [
        ({"kind": "other"}, "network_kind_known"),
        ({"kind": "cleaning"}, "network_tenant_has_project"),
        ({"project": None}, "network_tenant_has_project"),
        ({"vlan_id": 1}, "network_vlan_in_bounds"),
        ({"vlan_id": 4094}, "network_vlan_in_bounds"),
        ({"vlan_id": 4095}, "network_vlan_in_bounds"),
        ({"vlan_id": 101}, "network_vlan_once"),
        ({"partition_key": 0}, "network_partition_in_bounds"),
        ({"partition_key": 0x7FFF}, "network_partition_in_bounds"),
        ({"partition_key": 1}, "network_partition_once"),
    ],
)
def test_the_database_refuses_what_collides(fields, constraint):
    networks.tenant_network()
    second = networks.tenant_network()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Network.objects.filter(pk=second.pk).update(**fields)
    Network.objects.filter(pk=second.pk).update(vlan_id=4093, partition_key=None)


def test_the_database_keeps_to_one_network_of_a_project_and_of_a_kind():
    first, second = networks.tenant_network(), networks.tenant_network()

    with pytest.raises(IntegrityError, match="network_of_project_once"), transaction.atomic():
        Network.objects.filter(pk=second.pk).update(project=first.project)
    with pytest.raises(IntegrityError, match="network_kind_once"), transaction.atomic():
        Network.objects.filter(kind="management").update(kind="cleaning")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "control"])
def test_two_projects_that_ask_at_once_get_two_networks(monkeypatch, is_guarded):
    """The control leaves the lock out: then the second takes the same number, and only the constraint stops it."""
    networks.vlan_range()
    one, other = factories.project(), factories.project()
    if not is_guarded:
        monkeypatch.setattr(services, "lock_row", lambda model, pk: model.objects.get(pk=pk))

    with transaction.atomic():
        first = allocate(one)
        second = Runner(lambda: allocate(other))
        await_blocked(1)

    outcome = second.result()
    if is_guarded:
        assert (first.vlan_id, outcome.vlan_id) == (101, 102)
    else:
        assert isinstance(outcome, IntegrityError)
    assert Network.objects.count() == (2 if is_guarded else 1)


@pytest.mark.django_db(transaction=True)
def test_a_crowd_gets_one_network_for_each_project_and_no_gaps():
    networks.vlan_range()
    projects = [factories.project() for _ in range(4)]

    outcomes = race(8, lambda number: allocate(projects[number % 4]))

    assert sorted({network.vlan_id for network in outcomes}) == [101, 102, 103, 104]
    assert Network.objects.count() == 4
    assert PortPlacement.objects.count() == 0
