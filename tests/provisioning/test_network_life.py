"""Random lives of some servers and projects: whatever fails, dies or is stopped, no port is where it must not be.

The stand-in of the metal refuses at once what may never be: a port that goes from one network straight to another, a
server that is switched on in a network that this is not for, one that enters a network while it runs. The switches'
own view is then held against the rows. A longer run: ``METALYARD_NETWORK_LIVES=500 pytest <this file>``.
"""

import os

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import DomainError
from portal.fleet.models import NetworkKind, Server
from portal.fleet.ports import placement_of, stray_servers
from portal.fleet.states import ServerState
from portal.operations.models import Operation, OperationServer
from portal.operations.selectors import waiting_operations
from portal.operations.services.erasing import erase_anew
from portal.operations.services.isolating import PAUSE
from portal.operations.states import FOR_TENANT, OPEN_OPERATION, OPEN_PART, OperationKind
from portal.reservations.models import Allocation, Reservation
from portal.reservations.services.actions import order
from portal.reservations.services.lifecycle import call_off, take_back
from portal.reservations.services.stops import stop_operation
from provisioning import reconcile
from provisioning.drive import drive
from tests import factories, networks
from tests.provisioning.metal_stand_in import FORTUNES, WELL, Died, Metal

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]
LIVES = int(os.environ.get("METALYARD_NETWORK_LIVES", "12"))
SERVERS, PROJECTS = 3, 2

picks = st.integers(0, 5)
fortunes = st.lists(st.sampled_from((WELL, WELL, WELL, *FORTUNES)), max_size=12)
acts = st.one_of(
    st.tuples(st.just("reserve"), picks),
    st.tuples(st.sampled_from(("work", "work", "hurry")), fortunes),
    st.tuples(st.sampled_from(("take_back", "call_off", "reinstall", "power", "stop", "erase")), picks),
    st.tuples(st.just("sweep"), picks),
)


class Life:
    """A yard, and what may happen in it."""

    def __init__(self, metal):
        self.metal = metal
        self.buyers = [factories.buyer() for _ in range(PROJECTS)]
        for server in factories.servers(SERVERS):
            networks.port(server)

    def reserve(self, pick):
        factories.reservation(self.buyers[pick % PROJECTS], starts_at=None, count=1 + pick % 2)

    def take_back(self, pick):
        take_back(actor=SYSTEM, reservation=one(Reservation, pick), reason="x")

    def call_off(self, pick):
        call_off(actor=SYSTEM, reservation=one(Reservation, pick), reason="x")

    def reinstall(self, pick):
        order(actor=SYSTEM, allocation=one(Allocation, pick), kind=OperationKind.REINSTALL)

    def power(self, pick):
        order(actor=SYSTEM, allocation=one(Allocation, pick), kind=FOR_TENANT[pick % 4])

    def stop(self, pick):
        stop_operation(actor=SYSTEM, operation=one(Operation, pick), reason="x")

    def erase(self, pick):
        erase_anew(actor=SYSTEM, server=one(Server, pick), reason="x")

    def sweep(self, _pick=0):
        reconcile.isolate_strays()
        reconcile.free_networks()

    def hurry(self, fortunes):
        """Let workers do one round only, so that what comes next finds things half done."""
        self.metal.fortunes = list(fortunes)
        self._round()

    def work(self, fortunes=()):
        """Let workers and machines do all that there is to do."""
        self.metal.fortunes = list(fortunes)
        while self._round():
            pass

    def _round(self):
        # No worker can be at anything now, whatever it has been given time for.
        Operation.objects.filter(state__in=OPEN_OPERATION).update(not_before=clock.now())
        reported, due = self.metal.report(), list(waiting_operations())
        for operation in due:
            try:
                drive(operation.pk, "w1")
            except Died:
                Operation.objects.filter(pk=operation.pk).update(claim_expires_at=clock.now())
                reconcile.take_lost_claims_away()
            self.look()
        return reported + len(due)

    def look(self):
        """Hold what the switches say against the rows, and against who has which server."""
        for server in Server.objects.order_by("pk"):
            network, placement = self.metal.network(server), placement_of(server)
            assert network in (None, placement.network, placement.moving_to), f"{placement} but is in {network}"
            if server.state == ServerState.AVAILABLE:
                assert network is None, f"{server} is free and in {network}"
            if network is not None and network.kind == NetworkKind.TENANT:
                assert network.project in self.holders(server), f"{server} is in the network of {network.project}"

    def holders(self, server):
        """Return the projects that a server is with, or is prepared for or taken back from."""
        here = Allocation.objects.filter(server=server).order_by("-pk")[:1]
        return [allocation.reservation.project for allocation in here]

    def settle(self):
        """Let everything go well from now on; return what is still where it must not be."""
        OperationServer.objects.filter(operation__kind=OperationKind.ISOLATE).exclude(state__in=OPEN_PART).update(
            state_changed_at=clock.now() - PAUSE
        )
        self.work()
        self.sweep()
        self.work()
        return list(stray_servers())


def one(model, pick):
    """Return one of the newest rows of a model."""
    return list(model.objects.order_by("-pk")[:6])[pick % min(6, model.objects.count() or 1)]


@settings(max_examples=LIVES, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=st.lists(acts, min_size=4, max_size=14))
def test_whatever_happens_no_port_is_where_it_must_not_be(story):
    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        metal = Metal()
        patch.setattr("provisioning.play.run", metal.run)
        life = Life(metal)
        for name, argument in story:
            try:
                with transaction.atomic():
                    getattr(life, name)(argument)
            except (DomainError, IndexError):
                continue
            life.look()
        assert life.settle() == []
        for server in Server.objects.all():
            network = metal.network(server)
            assert network is None or (server.state == ServerState.IN_USE and network.kind == NetworkKind.TENANT)
        transaction.set_rollback(True)
