"""Moving ports: the order of the steps, what failures leave behind, and that only what was read back counts."""

from dataclasses import replace

import pytest

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from portal.fleet.models import Network, NetworkKind, Server
from portal.fleet.ports import placement_of
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.selectors import waiting_operations
from portal.operations.services.erasing import erase_anew
from portal.operations.services.isolating import PAUSE
from portal.operations.states import OperationKind, OperationState, PartState
from portal.reservations.services import lifecycle
from portal.reservations.services.actions import order
from portal.reservations.services.networks import free_unused
from portal.reservations.services.stops import stop_operation
from portal.reservations.states import ReservationState
from provisioning import reconcile
from provisioning.catalogue import CATALOGUE, Goal, work_of
from provisioning.drive import drive
from tests import factories, hands, networks
from tests.provisioning.metal_stand_in import DEAD, REFUSED, UNHEARD, WELL, Died, Metal

pytestmark = pytest.mark.django_db


@pytest.fixture
def metal(monkeypatch):
    made = Metal()
    monkeypatch.setattr("provisioning.play.run", made.run)
    return made


@pytest.fixture
def server(metal):
    made = factories.server()
    networks.port(made)
    return made


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def work(metal, *fortunes):
    """Do everything that is queued, as workers and machines do, until nothing more happens."""
    metal.fortunes = list(fortunes)
    while metal.report() + len(due := list(waiting_operations())):
        for operation in due:
            drive(operation.pk, "w1")


def handed_over(metal, **kwargs):
    reservation = factories.reservation(starts_at=None, **kwargs)
    work(metal)
    return fresh(reservation)


def operations():
    return list(Operation.objects.order_by("pk").values_list("kind", "state"))


def last_part():
    return Operation.objects.order_by("-pk")[0].parts.get()


def test_a_server_is_prepared_in_one_network_and_handed_over_in_another(metal, server):
    reservation = handed_over(metal)

    network = Network.objects.get(project=reservation.project)
    assert reservation.state == ReservationState.ACTIVE
    assert [what for _, what in metal.journal] == ["none", "provisioning", "on", "none", "tenant", "on"]
    assert (placement_of(server).network, metal.network(server)) == (network, network)


def test_a_server_leaves_its_tenant_before_it_is_cleaned(metal, server):
    reservation = handed_over(metal)
    metal.journal.clear()

    lifecycle.take_back(actor=SYSTEM, reservation=reservation, reason="over")
    work(metal)

    assert [what for _, what in metal.journal] == ["none", "cleaning", "on", "none"]
    assert (fresh(server).state, placement_of(server).is_isolated) == (ServerState.AVAILABLE, True)
    assert not metal.is_on[server.public_id]


def leave_out(monkeypatch, kind, index):
    """Take one of an operation's steps out of the catalogue: a control."""
    steps = work_of(kind).steps
    monkeypatch.setitem(CATALOGUE, kind, replace(CATALOGUE[kind], steps=steps[:index] + steps[index + 1 :]))
    return steps[index]


def test_the_control_without_switching_off_is_caught(metal, server, monkeypatch):
    reservation = handed_over(metal)
    assert leave_out(monkeypatch, OperationKind.RELEASE, 1).playbook == "power_off.yml"

    lifecycle.take_back(actor=SYSTEM, reservation=reservation, reason="over")

    with pytest.raises(AssertionError, match="while it was switched on"):
        work(metal)


def test_the_control_without_leaving_the_tenant_is_refused_by_the_rows(metal, server, monkeypatch):
    reservation = handed_over(metal)
    metal.journal.clear()
    assert leave_out(monkeypatch, OperationKind.RELEASE, 0).moves_to == Goal.NONE

    lifecycle.take_back(actor=SYSTEM, reservation=reservation, reason="over")
    work(metal)

    assert Operation.objects.get(kind="release").parts.get().error_code == "network_unknown"
    assert (fresh(server).state, metal.journal) == (ServerState.QUARANTINED, [(server.name, "none")])


def test_what_is_proved_to_be_in_no_network_is_not_asked_again(metal, server):
    networks.put(server)

    handed_over(metal)

    assert [what for _, what in metal.journal] == ["provisioning", "on", "none", "tenant", "on"]


def test_a_rescue_system_runs_in_the_network_of_its_tenant(metal, server):
    allocation = handed_over(metal).allocations.get()
    metal.journal.clear()

    order(actor=SYSTEM, allocation=allocation, kind=OperationKind.RESCUE)
    work(metal)
    assert operations()[-1] == ("rescue", OperationState.SUCCEEDED)
    assert fresh(allocation).login_keys == [factories.HOST_KEY]
    order(actor=SYSTEM, allocation=allocation, kind=OperationKind.LEAVE_RESCUE)
    work(metal)

    assert operations()[-1] == ("leave_rescue", OperationState.SUCCEEDED)
    assert fresh(allocation).rescue_since is None
    assert [what for _, what in metal.journal] == ["on", "on"], "nothing was moved"


def test_an_installation_anew_goes_the_same_way(metal, server):
    reservation = handed_over(metal)
    metal.journal.clear()

    order(actor=SYSTEM, allocation=reservation.allocations.get(), kind=OperationKind.REINSTALL)
    work(metal)

    assert operations()[-1] == ("reinstall", OperationState.SUCCEEDED)
    assert [what for _, what in metal.journal] == ["none", "provisioning", "on", "none", "tenant", "on"]


def test_servers_of_one_project_share_a_network_and_projects_do_not(metal):
    for made in factories.servers(3):
        networks.port(made)
    buyer, other = factories.buyer(), factories.buyer()

    for who, count in ((buyer, 2), (other, 1)):
        handed_over(metal, for_scope=who, count=count)

    of = {
        who.project: {
            metal.network(allocation.server)
            for reservation in who.project.reservations.all()
            for allocation in reservation.allocations.all()
        }
        for who in (buyer, other)
    }
    assert [len(found) for found in of.values()] == [1, 1]
    assert of[buyer.project] != of[other.project]
    assert {project: {network.project for network in found} for project, found in of.items()} == {
        project: {project} for project in of
    }


@pytest.mark.parametrize("goes_wrong_at", range(9))
@pytest.mark.parametrize("fortune", [REFUSED, UNHEARD])
def test_a_deployment_that_fails_anywhere_leaves_the_server_in_no_network(metal, server, goes_wrong_at, fortune):
    factories.reservation(starts_at=None)

    work(metal, *["well"] * goes_wrong_at, *[fortune] * 3)

    assert operations()[0] == ("deploy", OperationState.FAILED)
    assert (fresh(server).state, metal.network(server)) == (ServerState.DEPLOY_FAILED, None)
    assert placement_of(server).is_isolated or goes_wrong_at == 0


@pytest.mark.parametrize("goes_wrong_at", range(7))
def test_an_erasure_that_fails_anywhere_leaves_the_server_quarantined_in_no_network(metal, server, goes_wrong_at):
    reservation = handed_over(metal)
    lifecycle.take_back(actor=SYSTEM, reservation=reservation, reason="over")

    work(metal, *["well"] * goes_wrong_at, *[REFUSED] * 3)

    assert (fresh(server).state, metal.network(server)) == (ServerState.QUARANTINED, None)
    assert fresh(reservation).state == ReservationState.ENDED


@pytest.mark.parametrize("dies_at", range(9))
def test_a_worker_that_dies_anywhere_is_followed_by_one_that_goes_on(metal, server, dies_at):
    reservation = factories.reservation(starts_at=None)

    with pytest.raises(Died):
        work(metal, *["well"] * dies_at, DEAD)
    Operation.objects.update(claim_expires_at=clock.now())
    reconcile.take_lost_claims_away()
    work(metal)

    assert fresh(reservation).state == ReservationState.ACTIVE
    assert metal.network(server).project == reservation.project


def test_only_what_the_switch_says_counts(metal, server, monkeypatch):
    factories.reservation(starts_at=None)
    monkeypatch.setattr(Metal, "_move", lambda *_args: {"port_network": {"vlan_id": 4000}})

    work(metal)

    assert Operation.objects.first().parts.get().error_code == "switch_refused"
    assert not placement_of(server).is_proved


@pytest.mark.parametrize("facts", [{}, {"port_network": None}, {"port_network": {}}, {"port_network": "101"}])
def test_a_report_that_says_nothing_proves_nothing(metal, server, monkeypatch, facts):
    factories.reservation(starts_at=None)
    monkeypatch.setattr(Metal, "_move", lambda *_args: facts)

    work(metal)

    assert Operation.objects.first().parts.get().error_code == "switch_refused"
    assert not placement_of(server).is_proved


def test_a_server_without_a_port_is_not_handed_over_and_is_left_as_it_was(metal):
    server = factories.server()
    networks.providers()

    reservation = handed_over(metal)

    assert Operation.objects.get().parts.get().error_code == "network_unknown"
    assert (fresh(server).state, metal.journal, metal.is_on) == (ServerState.AVAILABLE, [], {})
    assert (reservation.state, Network.objects.filter(kind=NetworkKind.TENANT).exists()) == ("failed", False)


def test_a_fabric_without_a_provisioning_network_hands_nothing_over(metal, server):
    Network.objects.filter(kind=NetworkKind.PROVISIONING).delete()

    reservation = handed_over(metal)

    assert Operation.objects.get().parts.get().error_code == "network_unknown"
    assert (fresh(server).state, reservation.state, metal.journal) == (ServerState.AVAILABLE, "failed", [])


def test_when_networks_are_used_up_the_server_stays_free(metal, server):
    networks.vlan_range().delete()
    networks.vlan_range(first=101, last=101)
    networks.tenant_network()

    reservation = handed_over(metal)

    assert Operation.objects.get().parts.get().error_code == "network_exhausted"
    assert (fresh(server).state, reservation.state, metal.journal) == (ServerState.AVAILABLE, "failed", [])
    assert Network.objects.filter(kind=NetworkKind.TENANT).count() == 1


def test_a_release_of_a_server_without_a_port_is_not_proved(metal, server):
    reservation = handed_over(metal)
    server.port.delete()

    lifecycle.take_back(actor=SYSTEM, reservation=reservation, reason="over")
    work(metal)

    assert last_part().error_code == "network_unknown"
    assert fresh(server).state == ServerState.QUARANTINED


def test_installations_without_switches_move_nothing(metal, settings):
    settings.METALYARD_NETWORKS = False
    metal._switch_on = lambda *_args: None
    factories.server()

    reservation = handed_over(metal)

    assert (reservation.state, metal.journal, metal.vlans) == (ReservationState.ACTIVE, [], {})
    assert not Network.objects.exists()


def test_a_reinstallation_that_is_stopped_leaves_the_provisioning_network(metal, server):
    reservation = handed_over(metal)
    operation = order(actor=SYSTEM, allocation=reservation.allocations.get(), kind=OperationKind.REINSTALL)
    drive(operation.pk, "w1")
    assert metal.network(server).kind == NetworkKind.PROVISIONING

    stop_operation(actor=SYSTEM, operation=fresh(operation), reason="wrong image")
    Operation.objects.update(not_before=clock.now())
    work(metal)

    assert operations()[-1] == ("isolate", OperationState.SUCCEEDED)
    assert (fresh(server).state, metal.network(server)) == (ServerState.IN_USE, None)
    assert hands.told(reservation)[-1] == "server.stopped", "nobody is told of what he did not ask for"
    with pytest.raises(StateConflict, match="nothing left to stop"):
        stop_operation(actor=SYSTEM, operation=Operation.objects.latest("pk"), reason="x")


def test_taking_a_server_off_a_network_is_not_stopped_but_by_the_end_of_its_reservation(metal, server):
    reservation = handed_over(metal)
    operation = order(actor=SYSTEM, allocation=reservation.allocations.get(), kind=OperationKind.REINSTALL)
    drive(operation.pk, "w1")
    stop_operation(actor=SYSTEM, operation=fresh(operation), reason="wrong image")
    isolation = Operation.objects.get(kind="isolate")

    with pytest.raises(StateConflict, match="it is not stopped"):
        stop_operation(actor=SYSTEM, operation=isolation, reason="x")
    lifecycle.take_back(actor=SYSTEM, reservation=fresh(reservation), reason="over")
    Operation.objects.update(not_before=clock.now())
    work(metal)

    assert fresh(isolation).state == OperationState.CANCELLED
    assert (fresh(server).state, metal.network(server)) == (ServerState.AVAILABLE, None)


def test_what_cannot_be_taken_off_is_tried_again_after_a_while(metal, server):
    factories.reservation(starts_at=None)
    work(metal, "well", "well", *[REFUSED] * 5)
    assert operations() == [("deploy", OperationState.FAILED), ("isolate", OperationState.FAILED)]
    assert metal.network(server).kind == NetworkKind.PROVISIONING

    assert reconcile.isolate_strays() == 0
    Operation.objects.get(kind="isolate").parts.update(state_changed_at=clock.now() - PAUSE)
    assert reconcile.isolate_strays() == 1
    work(metal)

    assert (operations()[-1], metal.network(server)) == (("isolate", OperationState.SUCCEEDED), None)


def test_a_quarantined_server_is_erased_anew_in_the_cleaning_network(metal):
    server = factories.server(state=ServerState.QUARANTINED)
    networks.port(server)

    erase_anew(actor=SYSTEM, server=server, reason="looked at")
    work(metal)

    assert [what for _, what in metal.journal] == ["none", "cleaning", "on", "none"]
    assert fresh(server).state == ServerState.AVAILABLE


def test_a_network_is_given_up_when_the_last_server_is(metal, server):
    reservation = handed_over(metal)
    network = Network.objects.get(project=reservation.project)

    assert reconcile.free_networks() == 0
    assert not free_unused(actor=SYSTEM, network=network)
    lifecycle.take_back(actor=SYSTEM, reservation=reservation, reason="over")
    assert reconcile.free_networks() == 0
    work(metal)

    assert reconcile.free_networks() == 1
    assert not Network.objects.filter(pk=network.pk).exists()
    assert free_unused(actor=SYSTEM, network=network) is False


def test_a_network_that_a_deployment_has_taken_is_not_given_up(metal, server):
    reservation = factories.reservation(starts_at=None)
    drive(Operation.objects.get().pk, "w1")
    assert not placement_of(server).network.project
    network = Network.objects.get(project=reservation.project)

    assert reconcile.free_networks() == 0
    assert Server.objects.get().state == ServerState.DEPLOYING
    assert Network.objects.filter(pk=network.pk).exists()


def test_those_behind_catch_up_and_share_the_runs_of_those_ahead(metal, monkeypatch):
    servers = factories.servers(2)
    for each in servers:
        networks.port(each)
    reservation = factories.reservation(starts_at=None, count=2)
    operation = Operation.objects.get(subject=reservation.public_id)
    drive(operation.pk, "w1")
    metal.report()
    runs = []

    def counted(run):
        runs.append(len(run.inventory["all"]["hosts"]))
        return metal.run(run)

    monkeypatch.setattr("provisioning.play.run", counted)
    # The network step of the second one is refused once, so that it is a step behind from there on.
    metal.fortunes = [WELL, WELL, WELL, REFUSED]

    drive(operation.pk, "w1")

    assert runs == [2, 2, 1, 2, 2]
    assert set(operation.parts.values_list("state", flat=True)) == {PartState.AWAITING}
