"""A server in the rescue system: how it is known there, what ends that, and what makes no sense."""

import pytest

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, NotFound, StateConflict
from portal.fleet.models import BootMethod
from portal.operations.models import Operation
from portal.operations.services import claims
from portal.operations.states import OperationKind
from portal.reservations.handover.reading import handed_over
from portal.reservations.models import Allocation
from portal.reservations.services.actions import leave_rescue, order, rescue
from portal.reservations.services.lifecycle import take_back
from portal.reservations.services.stops import stop_operation
from tests import factories, hands

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_contradicts")]
INSTALLED, RESCUE = "ssh-ed25519 INSTALLED", "ssh-ed25519 RESCUE"
ENDING = (OperationKind.LEAVE_RESCUE, OperationKind.POWER_OFF, OperationKind.POWER_CYCLE, OperationKind.REBOOT)


@pytest.fixture
def held():
    factories.server()
    found = hands.active().allocations.get()
    found.host_keys, found.ssh_user = [INSTALLED], "ubuntu"
    found.save()
    return found


@pytest.fixture
def rescued(held):
    operation = order(actor=SYSTEM, allocation=held, kind=OperationKind.RESCUE)
    operation.parts.update(host_keys=[RESCUE])
    hands.work(held.reservation)
    held.refresh_from_db()
    return held


def login(allocation):
    allocation.refresh_from_db()
    return allocation.login_user, allocation.login_keys


def test_it_is_known_by_another_key_and_what_is_installed_is_remembered(rescued):
    assert login(rescued) == ("root", [RESCUE])
    assert rescued.rescue_since <= clock.now()
    assert (rescued.ssh_user, rescued.host_keys) == ("ubuntu", [INSTALLED])
    assert [node.host_keys for node in handed_over(rescued.reservation).nodes] == [(INSTALLED,)], "of the kit's files"
    assert AuditEvent.objects.filter(verb="allocation.rescue_began", target=rescued.public_id).count() == 1


@pytest.mark.parametrize("kind", ENDING)
def test_what_switches_it_off_ends_it(rescued, kind):
    order(actor=SYSTEM, allocation=rescued, kind=kind)

    hands.work(rescued.reservation)

    assert login(rescued) == ("ubuntu", [INSTALLED])
    assert (rescued.rescue_since, rescued.rescue_host_keys) == (None, [])
    assert hands.told(rescued.reservation)[-1] == "server.rescue_over"


def test_a_new_installation_ends_it_with_its_own_key(rescued):
    order(actor=SYSTEM, allocation=rescued, kind=OperationKind.REINSTALL).parts.update(host_keys=["ssh-ed25519 NEW"])

    hands.work(rescued.reservation)

    assert login(rescued) == ("ubuntu", ["ssh-ed25519 NEW"])


def test_asked_for_again_it_starts_anew(rescued):
    order(actor=SYSTEM, allocation=rescued, kind=OperationKind.RESCUE).parts.update(host_keys=["ssh-ed25519 SECOND"])

    hands.work(rescued.reservation)

    assert login(rescued) == ("root", ["ssh-ed25519 SECOND"])
    assert hands.told(rescued.reservation)[-2:] == ["server.asked", "server.in_rescue"]


def test_with_the_reservation_it_is_over(rescued):
    take_back(actor=SYSTEM, reservation=rescued.reservation, reason="over")

    hands.work(rescued.reservation)

    rescued.refresh_from_db()
    assert (rescued.state, rescued.rescue_since, rescued.rescue_host_keys) == ("released", None, [])


@pytest.mark.parametrize("kind", [*ENDING, OperationKind.RESCUE])
@pytest.mark.parametrize("step, user", [(0, "root"), (1, "ubuntu")])
def test_what_fails_ends_it_if_it_came_as_far_as_to_switch_it_off(rescued, kind, step, user):
    order(actor=SYSTEM, allocation=rescued, kind=kind).parts.update(step=step)

    hands.work(rescued.reservation, failing=[0])

    assert login(rescued)[0] == user


@pytest.mark.parametrize("step, user", [(0, "root"), (1, "ubuntu")])
def test_what_is_stopped_does_so_too(rescued, step, user):
    operation = order(actor=SYSTEM, allocation=rescued, kind=OperationKind.POWER_CYCLE)
    operation.parts.update(step=step)
    claims.give_back(claim=hands.take(operation))

    stop_operation(actor=SYSTEM, operation=operation, reason="test")

    assert login(rescued)[0] == user


def refused(match, allocation, kind):
    before = Operation.objects.count()
    with pytest.raises(StateConflict, match=match):
        order(actor=SYSTEM, allocation=allocation, kind=kind)
    assert Operation.objects.count() == before


def test_what_makes_no_sense_is_refused_with_a_way_out(rescued):
    refused("leave that, and it starts from its disk", rescued, OperationKind.POWER_ON)


def test_there_is_nothing_to_leave_outside_of_it(held):
    refused("a power cycle starts it from its disk", held, OperationKind.LEAVE_RESCUE)


def test_a_controller_without_a_virtual_drive_cannot_start_it(held):
    held.server.bmc.boot_method = BootMethod.UEFI_HTTP
    held.server.bmc.save()

    refused("no virtual drive", held, OperationKind.RESCUE)


def test_keys_are_the_reservations_or_those_that_are_given(held):
    scope = factories.scope(in_project=held.reservation.project)
    key = factories.ssh_key(scope.project, public_key=f"{factories.KEY}-2")
    with pytest.raises(InvalidInput):
        rescue(scope=scope, actor=scope.actor, allocation=held, ssh_keys=[])
    with pytest.raises(InvalidInput):
        rescue(scope=scope, actor=scope.actor, allocation=held, ssh_keys=[factories.ssh_key(factories.project())])
    assert not Operation.objects.filter(kind="rescue").exists()

    given = rescue(scope=scope, actor=scope.actor, allocation=held, ssh_keys=[key])
    hands.work(held.reservation)
    plain = rescue(scope=scope, actor=scope.actor, allocation=held)

    assert (given.ssh_keys, plain.ssh_keys) == ([key.public_key], held.reservation.ssh_keys)
    assert (plain.image, plain.user_data) == (None, "")


def test_another_projects_server_is_not_there(rescued):
    stranger, before = factories.scope(), Allocation.objects.values().get()

    for act in (rescue, leave_rescue):
        with pytest.raises(NotFound):
            act(scope=stranger, actor=stranger.actor, allocation=rescued)
    assert Allocation.objects.values().get() == before
