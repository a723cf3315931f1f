"""What has not begun stands elsewhere where that makes room: never wrong, in its window and fabric, no active one."""

from datetime import timedelta
from itertools import product

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.errors import ExtensionBlocked, InsufficientCapacity
from portal.core.periods import Period
from portal.fleet.models import Server
from portal.operations.selectors import events_of
from portal.reservations.capacity import Demand, fits, occupied_period
from portal.reservations.models import Allocation, FreeSpan, Placement, Reservation
from portal.reservations.services.extend import extend
from portal.reservations.services.moves import clear_way, make_room
from portal.reservations.services.reserve import reserve
from portal.reservations.states import AllocationState, ReservationState
from tests import factories
from tests.reservations.calendars import STEP, at, bare_reservation, occupy, snapshot, undone

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

A, R = AllocationState, ReservationState
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def kind():
    return factories.server_type(lead_time=2 * STEP, cleanup_time=3 * STEP)


def stands(server, first, last, state=R.SCHEDULED, **kwargs):
    """Let a reservation that may move stand on a server from step ``first`` to ``last``, all in all."""
    reservation = bare_reservation(state, period=Period(at(first + 2), at(last - 3)).as_range(), **kwargs)
    return occupy(reservation, server, first, last)


def demand(first, last, count=1, placement=Placement.ANY):
    """Return a demand that keeps servers from step ``first`` to ``last``, all in all."""
    return Demand(kind(), factories.region(), count, Period(at(first + 2), at(last - 3)), placement)


def places():
    return list(Allocation.objects.order_by("pk").values_list("server_id", "occupied"))


def calendar_is_true():
    """Tell whether the free spans are what the allocations leave free."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT server_id, pool_id, lo, hi FROM calendar_gaps(%s) ORDER BY 1, 3",
            [list(Server.objects.values_list("pk", flat=True))],
        )
        return cursor.fetchall() == list(
            FreeSpan.objects.order_by("server_id", "lo").values_list("server_id", "pool_id", "lo", "hi")
        )


def test_two_halves_on_two_servers_make_room_on_one():
    kind()
    first, second = factories.servers(2)
    one = stands(first, 10, 20)
    stands(second, 25, 35)
    wanted = demand(8, 40)
    assert not fits(wanted)

    assert make_room(wanted)

    assert fits(wanted)
    one.refresh_from_db()
    assert (one.server, one.occupied) == (second, Period(at(10), at(20)).as_range())
    assert calendar_is_true()
    row = AuditEvent.objects.latest("pk")
    assert (row.verb, row.target, row.data) == (
        "allocation.moved",
        one.public_id,
        {"old": first.public_id, "new": second.public_id},
    )
    assert [event.message for event in events_of(one.reservation.public_id)] == [
        "1 of its servers were exchanged for others of the same kind before the start."
    ]


def test_who_reserves_gets_the_room_that_is_made():
    scope = factories.buyer()
    factories.servers(2)
    start = clock.now() + DAY
    for number in range(2):
        factories.reservation(
            scope, name=f"r{number}", starts_at=start + number * 6 * HOUR, ends_at=start + number * 6 * HOUR + 4 * HOUR
        )
    first, second = Allocation.objects.order_by("pk")
    other = Server.objects.exclude(pk=first.server_id).get()
    Allocation.objects.filter(pk=second.pk).update(server=other)
    request = factories.request(scope, starts_at=start, ends_at=start + 12 * HOUR)

    made = reserve(scope=scope, actor=scope.actor, request=request)

    assert made.allocations.count() == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.server_id == second.server_id != made.allocations.get().server_id


@pytest.mark.parametrize("state", [A.SERVING, A.CLEANING])
def test_what_has_begun_never_moves(state):
    kind()
    first, second = factories.servers(2)
    stands(first, 10, 20, R.ACTIVE)
    stands(second, 25, 35, R.ENDING)
    Allocation.objects.update(state=state)
    before = snapshot()

    assert not make_room(demand(8, 40))

    assert snapshot() == before


@pytest.mark.parametrize("state", sorted(set(R) - {R.HELD, R.SCHEDULED}))
def test_only_what_is_held_or_scheduled_moves(state):
    kind()
    first, second = factories.servers(2)
    stands(first, 10, 20, state)
    stands(second, 25, 35, state)

    assert not make_room(demand(8, 40))


def test_what_is_about_to_begin_stays(noon):
    kind()
    first, second = factories.servers(2)
    stands(first, 10, 20)
    stands(second, 25, 35, R.ACTIVE)
    noon.move_to(at(10) - timedelta(minutes=2))

    assert not make_room(demand(0, 24))
    noon.shift(timedelta(seconds=-1))
    assert make_room(Demand(kind(), factories.region(), 1, Period(at(2), at(40)), Placement.ANY))


def test_never_into_another_fabric_and_never_onto_a_spare():
    kind()
    first, second = factories.servers(2)
    stands(first, 10, 20)
    stands(second, 12, 35)
    factories.server(in_fabric=factories.fabric("B"))
    factories.server(is_spare=True)

    assert not make_room(demand(8, 40, placement=Placement.SAME_FABRIC, count=2))
    assert not make_room(demand(8, 40, placement=Placement.ANY, count=2))


def test_a_demand_in_one_fabric_gets_its_room_in_one():
    kind()
    fabric = factories.fabric("B")
    servers = [factories.server(), *factories.servers(3, in_fabric=fabric)]
    for server, (first, last) in zip(servers, [(10, 20), (10, 20), (22, 30), (31, 38)], strict=True):
        stands(server, first, last, placement=Placement.SAME_FABRIC)
    wanted = demand(8, 40, count=2, placement=Placement.SAME_FABRIC)

    assert make_room(wanted)

    assert fits(wanted)
    found = Allocation.objects.order_by("pk").values_list("server__fabric__name", flat=True)
    assert list(found) == ["A", "B", "B", "B"]


def test_where_too_little_is_free_at_some_instant_nothing_is_tried(django_assert_num_queries):
    kind()
    for server in factories.servers(2):
        stands(server, 10, 20)
    wanted = demand(8, 40)

    with django_assert_num_queries(3):
        assert not make_room(wanted)


def test_servers_that_are_not_ready_are_not_emptied_for_a_start_that_is_due():
    kind()
    first, second, third = factories.servers(3)
    stands(first, 10, 20)
    stands(second, 12, 22)
    Server.objects.filter(pk__in=[first.pk, third.pk]).update(state="releasing")
    wanted = Demand(kind(), factories.region(), 1, Period(clock.now(), at(30)), Placement.ANY)

    assert make_room(wanted)

    assert set(Allocation.objects.values_list("server_id", flat=True)) == {first.pk, third.pk}
    assert fits(wanted)


bookings = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 20), st.integers(6, 10), st.booleans()), max_size=6)


def brute_force(wanted, rows, servers):
    """Tell whether some placing of what may move leaves enough servers free for a demand."""
    need = occupied_period(wanted.server_type, wanted.period)
    movable = [row for row in rows if row[2]]
    fixed = [row for row in rows if not row[2]]
    for chosen in product(servers, repeat=len(movable)):
        placed = [*fixed, *((server, span, True) for server, (_, span, _) in zip(chosen, movable, strict=True))]
        if any(
            one[0] == other[0] and one[1].overlaps(other[1])
            for place, one in enumerate(placed)
            for other in placed[:place]
        ):
            continue
        busy = {server for server, span, _ in placed if span.overlaps(need)}
        if len(servers) - len(busy) >= wanted.count:
            return True
    return False


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bookings, st.integers(2, 12), st.integers(6, 18), st.integers(1, 2))
def test_room_is_made_only_where_trying_everything_finds_some(drawn, first, length, count):
    with undone():
        kind()
        servers = factories.servers(3, with_bmc=False)
        rows = []
        for place, start, span, may_move in drawn:
            held = Period(at(start), at(start + span))
            if any(server == servers[place].pk and held.overlaps(other) for server, other, _ in rows):
                continue
            stands(servers[place], start, start + span, R.SCHEDULED if may_move else R.ACTIVE)
            rows.append((servers[place].pk, held, may_move))
        wanted = demand(first, first + length, count)
        before, fitted = places(), fits(wanted)

        made = make_room(wanted)

        after = places()
        assert calendar_is_true()
        assert [span for _, span in after] == [span for _, span in before]
        assert all(one == other for one, other, row in zip(before, after, rows, strict=True) if not row[2])
        if made:
            assert fits(wanted)
            assert brute_force(wanted, rows, [server.pk for server in servers])
        else:
            assert after == before
            assert fitted or not fits(wanted)
            if count == 1 and len(rows) <= 2 and not fitted:
                assert not brute_force(wanted, rows, [server.pk for server in servers])


def test_who_follows_moves_out_of_the_way_of_an_extension():
    scope, other = factories.buyer(), factories.buyer()
    first = factories.server()
    reservation = factories.reservation(scope)
    end = reservation.span.end
    follower = factories.reservation(other, starts_at=end + 5 * HOUR, ends_at=end + 8 * HOUR)
    assert follower.allocations.get().server == first
    second = factories.server()

    made = extend(scope=scope, actor=scope.actor, reservation=reservation, ends_at=end + 6 * HOUR)

    assert made.span.end == end + 6 * HOUR
    assert made.allocations.get().server == first
    assert follower.allocations.get().server == second
    assert calendar_is_true()


def test_where_not_all_can_move_none_does():
    scope, other = factories.buyer(), factories.buyer()
    factories.servers(2)
    reservation = factories.reservation(scope, count=2)
    end = reservation.span.end
    for _ in range(2):
        factories.reservation(other, starts_at=end + 5 * HOUR, ends_at=end + 8 * HOUR)
    factories.server()
    before = places()

    assert not clear_way(reservation, end + 6 * HOUR)
    with pytest.raises(ExtensionBlocked) as caught:
        extend(scope=scope, actor=scope.actor, reservation=reservation, ends_at=end + 6 * HOUR)

    assert caught.value.extra["blocked_servers"] == 2
    assert places() == before


def test_two_that_follow_go_to_two_places():
    scope, other = factories.buyer(), factories.buyer()
    factories.servers(2)
    reservation = factories.reservation(scope, count=2)
    end = reservation.span.end
    factories.reservation(other, count=2, starts_at=end + 5 * HOUR, ends_at=end + 8 * HOUR)
    free = factories.servers(2)

    assert clear_way(reservation, end + 6 * HOUR)

    moved = Allocation.objects.exclude(reservation=reservation)
    assert set(moved.values_list("server_id", flat=True)) == {server.pk for server in free}
    assert Reservation.objects.count() == 2


def test_what_does_not_fit_even_so_is_refused_as_before():
    scope = factories.buyer()
    factories.servers(2)
    start = clock.now() + DAY
    factories.reservation(scope, count=2, starts_at=start, ends_at=start + 4 * HOUR)
    request = factories.request(scope, starts_at=start, ends_at=start + 12 * HOUR)
    before = snapshot()

    with pytest.raises(InsufficientCapacity) as caught:
        reserve(scope=scope, actor=scope.actor, request=request)

    assert caught.value.extra["available"] == 0
    assert snapshot() == before
