"""Reserving: all servers or a clear refusal, and after a refusal nothing has changed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Count

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.errors import Forbidden, InsufficientCapacity, InvalidInput, NoPrice, QuotaExceeded
from portal.core.periods import Period
from portal.fleet.states import ServerState
from portal.operations.models import Operation, OperationEvent
from portal.operations.selectors import events_of
from portal.reservations.models import Allocation, Placement, Reservation
from portal.reservations.quota_check import look_at_quotas
from portal.reservations.services.reserve import reserve
from portal.reservations.states import LIVE, ReservationState
from portal.tenancy.roles import MAY, Role, Verb
from portal.tenancy.scope import Scope
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

DAY = timedelta(days=1)


def everything():
    """Return how many rows there are that a reservation could write."""
    return [model.objects.count() for model in (Reservation, Allocation, Operation, OperationEvent, AuditEvent)]


def refused(kind, scope, **kwargs):
    """Return the refusal of a request, after which nothing has changed."""
    request = factories.request(scope, **kwargs)
    before = everything()
    with pytest.raises(kind) as caught:
        reserve(scope=scope, actor=scope.actor, request=request)
    assert everything() == before
    return caught.value


def test_a_reservation_keeps_what_was_asked_for_and_at_what_price():
    scope = factories.buyer()
    factories.servers(3)
    keys = list(scope.project.ssh_keys.all())
    request = factories.request(
        scope, name="train", count=2, user_data="#!/bin/sh\n", labels={"team": "a"}, placement=Placement.SAME_FABRIC
    )

    made = reserve(scope=scope, actor=scope.actor, request=request)

    made.refresh_from_db()
    assert made.state == ReservationState.SCHEDULED
    assert (made.name, made.count, made.placement, made.user_data) == ("train", 2, "same_fabric", "#!/bin/sh\n")
    assert (made.labels, made.ssh_keys) == ({"team": "a"}, [keys[0].public_key])
    assert made.span == Period(request.starts_at, request.ends_at)
    # 2 servers x 8 GPUs x 24 hours x 2.50
    assert (made.price, made.currency, made.rate_per_gpu_hour) == (Decimal("960.00"), "USD", Decimal("2.50"))
    assert (made.organization, made.project) == (scope.organization, scope.project)
    assert made.requested_by == scope.actor.label


def test_each_server_is_held_with_preparation_and_clean_up_under_a_name_of_its_own():
    scope = factories.buyer()
    kind = factories.server_type()
    servers = factories.servers(3)

    made = factories.reservation(scope, name="train", count=3)

    rows = list(made.allocations.order_by("position"))
    assert [row.hostname for row in rows] == ["train-01", "train-02", "train-03"]
    assert {row.server_id for row in rows} == {server.pk for server in servers}
    held = Period(made.span.start - kind.lead_time, made.span.end + kind.cleanup_time)
    assert {Period.of_range(row.occupied) for row in rows} == {held}


def test_from_a_hundred_servers_on_the_names_have_three_digits():
    scope = factories.buyer(limit=100)
    factories.servers(100, with_bmc=False)

    made = factories.reservation(scope, name="train", count=100)

    names = [row.hostname for row in made.allocations.order_by("position")]
    assert (names[0], names[-1], len(set(names))) == ("train-001", "train-100", 100)


def test_it_is_recorded_and_told():
    scope = factories.buyer()
    factories.server()

    made = factories.reservation(scope)

    row = AuditEvent.objects.get(verb="reservation.created")
    assert (row.target, row.scope, row.actor_id) == (made.public_id, scope.organization.public_id, scope.actor.id)
    (event,) = events_of(made.public_id)
    assert event.message == "Reserved 1 x 8 x H100 in eu-north-1."


def test_what_starts_later_waits_and_what_starts_now_begins():
    scope = factories.buyer()
    factories.servers(2)

    later = factories.reservation(scope)
    now = factories.reservation(scope, starts_at=None)

    assert (later.state, now.state) == (ReservationState.SCHEDULED, ReservationState.PROVISIONING)
    operation = Operation.objects.get()
    assert (operation.subject, operation.kind, operation.parts.count()) == (now.public_id, "deploy", 1)


def test_what_starts_within_the_lead_time_begins_and_just_before_it_waits():
    scope = factories.buyer()
    factories.servers(2)
    lead = factories.server_type().lead_time

    begun = factories.reservation(scope, starts_at=clock.now() + lead)
    waits = factories.reservation(scope, starts_at=clock.now() + lead + timedelta(seconds=1))

    assert (begun.state, waits.state) == (ReservationState.PROVISIONING, ReservationState.SCHEDULED)


@pytest.mark.parametrize("role", Role)
def test_only_roles_that_may_reserve_do(role):
    scope = factories.buyer()
    factories.server()
    other = Scope(scope.actor, scope.project, role)

    if Verb.RESERVE in MAY[role]:
        assert factories.reservation(other).state == ReservationState.SCHEDULED
    else:
        refused(Forbidden, other)


def test_bad_input_is_refused_with_every_field():
    error = refused(InvalidInput, factories.buyer(), name="No", count=0)

    assert [item.field for item in error.errors] == ["name", "count"]


def test_keys_of_another_project_are_refused():
    scope = factories.buyer()
    factories.server()
    foreign = factories.ssh_key(factories.project(scope.organization))

    error = refused(InvalidInput, scope, ssh_keys=[*scope.project.ssh_keys.all(), foreign])

    assert [(item.field, item.code) for item in error.errors] == [("ssh_keys", "unknown")]


def test_a_name_is_used_once_in_a_project():
    scope = factories.buyer()
    factories.servers(2)
    factories.reservation(scope, name="train")

    error = refused(InvalidInput, scope, name="train")

    assert [(item.field, item.code) for item in error.errors] == [("name", "duplicate")]


def test_what_is_not_sold_is_refused():
    scope = factories.buyer()
    south = factories.region("south-1")
    factories.server(in_fabric=factories.fabric("S", south))

    refused(NoPrice, scope, region=south)


def test_without_a_limit_nothing_may_be_held():
    scope = factories.scope()
    factories.price()
    factories.ssh_key(scope.project)
    factories.server()

    assert refused(QuotaExceeded, scope).extra == {
        "limit": 0,
        "used": 0,
        "requested": 1,
        "scope": "organization",
        "measure": "servers",
    }


def test_the_limit_counts_every_project_of_the_organization():
    scope = factories.buyer(limit=3)
    factories.servers(8)
    sister = factories.scope(in_project=factories.project(scope.organization))
    factories.ssh_key(sister.project)
    factories.reservation(sister, count=2)

    error = refused(QuotaExceeded, scope, count=2)

    assert error.extra == {"limit": 3, "used": 2, "requested": 2, "scope": "organization", "measure": "servers"}
    assert factories.reservation(scope, count=1).count == 1


def test_the_limit_counts_what_is_held_at_one_instant():
    scope = factories.buyer(limit=2)
    factories.servers(8)
    start = clock.now() + DAY
    factories.reservation(scope, count=2, starts_at=start, ends_at=start + DAY)
    factories.reservation(scope, count=1, starts_at=start + DAY, ends_at=start + 2 * DAY)

    assert refused(QuotaExceeded, scope, starts_at=start, ends_at=start + 2 * DAY).extra["used"] == 2
    assert factories.reservation(scope, starts_at=start + DAY, ends_at=start + 2 * DAY).count == 1


@pytest.mark.parametrize("state", ReservationState)
def test_the_limit_counts_what_lives(state):
    scope = factories.buyer()
    factories.server()
    made = factories.reservation(scope)
    Reservation.objects.update(state=state)

    (limit,) = look_at_quotas(
        project=scope.project, server_type=made.server_type, region=made.region, count=1, period=made.span
    )

    assert limit.used == (1 if state in LIVE else 0)


def test_the_limits_of_other_organizations_types_and_regions_are_their_own():
    scope = factories.buyer(limit=1)
    factories.servers(3)
    factories.reservation(scope)

    assert factories.reservation(factories.buyer(limit=1)).count == 1


def test_more_than_are_free_are_refused_with_what_is_free_and_when_they_fit():
    scope = factories.buyer()
    kind = factories.server_type()
    factories.servers(3)
    taken = factories.reservation(scope, count=2)

    error = refused(InsufficientCapacity, scope, count=2)

    start = taken.span.end + kind.cleanup_time + kind.lead_time
    assert error.extra == {
        "available": 1,
        "next_fit": {"starts_at": clock.as_rfc3339(start), "ends_at": clock.as_rfc3339(start + DAY)},
    }
    assert error.detail == (
        "1 of 2 x 8 x H100 are free in one fabric in eu-north-1 for the whole period. "
        f"2 are free from {clock.as_rfc3339(start)}."
    )
    assert factories.reservation(scope, count=2, starts_at=start, ends_at=start + DAY).count == 2


def test_more_than_there_are_never_fit():
    scope = factories.buyer()
    factories.servers(2)

    assert refused(InsufficientCapacity, scope, count=3).extra == {"available": 2, "next_fit": None}


def test_the_promise_of_one_fabric_is_kept():
    scope = factories.buyer()
    factories.servers(2)
    factories.servers(2, in_fabric=factories.fabric("B"))

    assert refused(InsufficientCapacity, scope, count=3).extra["available"] == 2
    spread = factories.reservation(scope, count=3, placement=Placement.ANY)
    assert spread.allocations.aggregate(n=Count("server__fabric", distinct=True))["n"] == 2


@pytest.mark.parametrize("state", [state for state in ServerState if state != ServerState.AVAILABLE])
def test_what_starts_now_gets_only_what_is_available(state):
    scope = factories.buyer()
    factories.server(state=state)

    assert refused(InsufficientCapacity, scope, starts_at=None).extra["available"] == 0


def test_the_number_of_queries_does_not_grow_with_the_servers():
    scope = factories.buyer()
    factories.servers(6, with_bmc=False)

    def queries(count):
        request = replace(factories.request(scope), count=count)
        with connection.execute_wrapper(counter := Counter()):
            reserve(scope=scope, actor=scope.actor, request=request)
        return counter.count

    assert queries(1) == queries(4)


class Counter:
    """Counts statements."""

    def __init__(self):
        self.count = 0

    def __call__(self, execute, *args):
        self.count += 1
        return execute(*args)
