"""A random life of a small yard, beside an oracle that knows nothing but intervals.

After every step: no server is held twice, what is held is what the oracle holds, the free counts agree, nothing
contradicts, and what is due has happened.
"""

from itertools import pairwise

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import InsufficientCapacity, QuotaExceeded
from portal.core.periods import Period, peak
from portal.fleet import services as fleet
from portal.fleet.models import POOL_STATES, Server
from portal.fleet.states import ServerState
from portal.operations.selectors import servers_at_work
from portal.reservations.capacity import Demand, free_servers
from portal.reservations.models import Allocation, Placement, Reservation
from tests.reservations.oracle import FreeServer, choose, most
from portal.reservations.selectors import contradictions, orphaned_servers
from portal.reservations.services.lifecycle import call_off, take_back
from portal.reservations.services.reserve import reserve
from portal.reservations.services.start import START_GRACE
from portal.reservations.states import HOLDING, LIVE, AllocationState, ReservationState
from provisioning import reconcile
from tests import factories, hands
from tests.reservations.calendars import STEP
from tests.reservations.conftest import NOON

LEAD, CLEANUP, LIMIT = 2 * STEP, STEP, 4
WORKED_ON = (ReservationState.PROVISIONING, ReservationState.ENDING)


class Yard(RuleBasedStateMachine):
    """Five servers in two fabrics and a tenant who may hold four at once."""

    def __init__(self):
        super().__init__()
        self.travel = time_machine.travel(NOON, tick=False)
        self.clock = self.travel.start()
        self.example = transaction.atomic()
        self.example.__enter__()
        factories.server_type(lead_time=LEAD, cleanup_time=CLEANUP)
        self.scope = factories.buyer(LIMIT)
        self.image = factories.image()
        factories.servers(3, with_bmc=False)
        factories.servers(2, in_fabric=factories.fabric("B"), with_bmc=False)
        self.held = {}  # the oracle: allocation pk -> (server pk, Period)

    def teardown(self):
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)
        self.travel.stop()

    # The oracle

    def free(self, occupied, but=()):
        """Return the servers on which no interval overlaps ``occupied``, by looking at all of them."""
        starts_now = occupied.start <= clock.now()
        states = (ServerState.AVAILABLE,) if starts_now else POOL_STATES
        busy = set(servers_at_work()) if starts_now else set()
        others = [span for pk, span in self.held.items() if pk not in but]
        return [
            FreeServer(server.pk, server.fabric_id)
            for server in Server.objects.filter(state__in=states).order_by("pk")
            if server.pk not in busy and not any(pk == server.pk and p.overlaps(occupied) for pk, p in others)
        ]

    def occupied(self, period):
        return Period(max(clock.now(), period.start - LEAD), period.end + CLEANUP)

    def used(self, period):
        rows = Reservation.objects.filter(state__in=LIVE)
        return peak((row.span, row.count) for row in rows if row.span.overlaps(period)) if rows else 0

    # What happens

    @rule(
        start=st.integers(0, 24),
        length=st.integers(6, 18),
        count=st.integers(1, 4),
        placement=st.sampled_from(Placement.values),
    )
    def order(self, start, length, count, placement):
        period = Period(clock.now() + start * STEP, clock.now() + (start + length) * STEP)
        request = factories.request(
            self.scope,
            starts_at=period.start,
            ends_at=period.end,
            count=count,
            placement=placement,
            image=self.image,
        )
        free, used = self.free(self.occupied(period)), self.used(period)
        same = placement == Placement.SAME_FABRIC
        chosen = choose(free, count, same_fabric=same)
        outcome = self.ask(request)
        if isinstance(outcome, QuotaExceeded):
            assert used + count > LIMIT
            assert outcome.extra == {"limit": LIMIT, "used": used, "requested": count}
            return
        assert used + count <= LIMIT
        if isinstance(outcome, InsufficientCapacity):
            assert chosen is None
            assert outcome.extra["available"] == most(free, same_fabric=same)
            return
        allocations = outcome.allocations.order_by("server_id")
        assert [allocation.server_id for allocation in allocations] == chosen
        self.held |= {allocation.pk: (allocation.server_id, self.occupied(period)) for allocation in allocations}
        due = period.start - LEAD <= clock.now()
        assert outcome.state == (ReservationState.PROVISIONING if due else ReservationState.SCHEDULED)

    def ask(self, request):
        """Return the reservation, or the refusal."""
        try:
            return reserve(scope=self.scope, actor=self.scope.actor, request=request)
        except (QuotaExceeded, InsufficientCapacity) as refusal:
            return refusal

    def some(self, data, *states):
        rows = list(Reservation.objects.filter(state__in=states).order_by("pk"))
        return data.draw(st.sampled_from(rows)) if rows else None

    @rule(data=st.data())
    def cancel(self, data):
        reservation = self.some(data, ReservationState.SCHEDULED, ReservationState.PROVISIONING)
        if reservation:
            call_off(actor=SYSTEM, reservation=reservation, reason="test")
            self.forget(reservation, AllocationState.RELEASED)

    @rule(data=st.data())
    def release(self, data):
        reservation = self.some(data, ReservationState.ACTIVE)
        if reservation:
            take_back(actor=SYSTEM, reservation=reservation, reason="test")

    @rule(data=st.data(), failing=st.sets(st.integers(0, 3), max_size=2))
    def work(self, data, failing):
        """Let a worker do what is open for a reservation; the servers at some positions fail."""
        reservation = self.some(data, *WORKED_ON)
        if reservation and hands.is_due(reservation):
            hands.work(reservation, failing=failing)
            self.forget(reservation, AllocationState.FAILED, AllocationState.RELEASED)

    @rule(data=st.data())
    def break_down(self, data):
        servers = list(Server.objects.filter(state=ServerState.AVAILABLE).order_by("pk"))
        if servers:
            fleet.quarantine(actor=SYSTEM, server=data.draw(st.sampled_from(servers)), reason="test")

    @precondition(lambda self: Server.objects.filter(state=ServerState.QUARANTINED).exists())
    @rule()
    def bring_back(self):
        """Let a person erase what is quarantined, with proof."""
        for server in Server.objects.filter(state=ServerState.QUARANTINED).exclude(pk__in=servers_at_work()):
            hands.erase(server)

    @rule(steps=st.integers(1, 9))
    def time_passes(self, steps):
        self.clock.shift(steps * STEP)
        for sweep in (reconcile.end_due, reconcile.time_out_operations, reconcile.overrun_servers, reconcile.start_due):
            sweep()
        for reservation in Reservation.objects.all():
            self.forget(reservation, AllocationState.FAILED, AllocationState.RELEASED)
        self.follow_replacements()
        self.check_what_was_due()

    def forget(self, reservation, *states):
        for allocation in reservation.allocations.filter(state__in=states):
            self.held.pop(allocation.pk, None)

    def follow_replacements(self):
        for allocation in Allocation.objects.filter(state__in=HOLDING).select_related("reservation"):
            if allocation.server_id != self.held[allocation.pk][0]:
                rest = Period(max(clock.now(), allocation.reservation.span.start), allocation.reservation.span.end)
                occupied = self.occupied(rest)
                at_work = {allocation.server_id} & set(servers_at_work())
                others = [span for pk, span in self.held.items() if pk != allocation.pk]
                assert not any(pk == allocation.server_id and p.overlaps(occupied) for pk, p in others)
                assert allocation.server.state == ServerState.AVAILABLE
                assert bool(at_work) == (allocation.reservation.state == ReservationState.PROVISIONING)
                self.held[allocation.pk] = (allocation.server_id, occupied)

    def check_what_was_due(self):
        now = clock.now()
        for reservation in Reservation.objects.filter(state__in=LIVE):
            over = reservation.span.end <= now
            assert not over or reservation.state == ReservationState.ENDING
            if reservation.state == ReservationState.SCHEDULED and reservation.span.start - LEAD <= now:
                assert now < reservation.span.start + START_GRACE
                states = set(reservation.allocations.values_list("server__state", flat=True))
                at_work = set(servers_at_work()) & set(reservation.allocations.values_list("server", flat=True))
                assert states != {ServerState.AVAILABLE} or at_work, "it waits for nothing"

    # What is always so

    @invariant()
    def what_is_held_is_what_the_oracle_holds(self):
        rows = Allocation.objects.filter(state__in=HOLDING)
        assert {row.pk: (row.server_id, Period.of_range(row.occupied)) for row in rows} == self.held

    @invariant()
    def no_server_is_held_twice(self):
        spans = sorted(self.held.values())
        for (server, first), (other, second) in pairwise(spans):
            assert server != other or first.end <= second.start

    @invariant()
    def the_free_servers_agree(self):
        for start, length in ((0, 6), (3, 6), (20, 30)):
            period = Period(clock.now() + start * STEP, clock.now() + (start + length) * STEP)
            demand = Demand(factories.server_type(), factories.region(), 1, period, Placement.ANY)
            assert free_servers(demand) == self.free(self.occupied(period))

    @invariant()
    def nothing_contradicts(self):
        assert list(contradictions()) == []
        assert list(orphaned_servers()) == []

    @invariant()
    def who_fails_is_not_degraded_but_over(self):
        for reservation in Reservation.objects.exclude(state__in=LIVE):
            assert not reservation.allocations.filter(state__in=HOLDING).exists()


@pytest.mark.django_db
def test_a_random_life_agrees_with_the_oracle():
    few = settings(max_examples=8, stateful_step_count=15, suppress_health_check=list(HealthCheck), deadline=None)
    run_state_machine_as_test(Yard, settings=few)
