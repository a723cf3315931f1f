"""Emptying servers, against a search that tries everything."""

from datetime import UTC, datetime, timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from portal.core.periods import Period
from portal.reservations.rearranging import BREADTH, MOST_MOVES, Booking, Gap, Move, emptied_by, empty_servers

BEGIN = datetime(2031, 3, 4, tzinfo=UTC)
SERVERS = range(1, 5)


def span(first, last):
    return Period(BEGIN + timedelta(minutes=first), BEGIN + timedelta(minutes=last))


spans = st.tuples(st.integers(0, 11), st.integers(1, 5)).map(lambda drawn: span(drawn[0], drawn[0] + drawn[1]))


def apart(found):
    """Return as many of the spans, in order, as do not overlap one another."""
    kept = []
    for one in found:
        if not any(one.overlaps(other) for other in kept):
            kept.append(one)
    return kept


@st.composite
def pools(draw):
    """Draw what stands on servers, all of which can move, and when else they are free."""
    lanes, gaps, number = [], [], 0
    for server in SERVERS:
        taken = apart(draw(st.lists(spans, max_size=4)))
        split = draw(st.integers(0, len(taken)))
        lane = [Booking(number + place, 1, server, one) for place, one in enumerate(taken[:split])]
        number += len(lane)
        lanes.append(lane)
        gaps += [Gap(server, one) for one in taken[split:]]
    return [lane for lane in lanes if lane], gaps[:BREADTH]


def fits(moves, gaps):
    """Tell whether everything that moves finds its place free."""
    for place, move in enumerate(moves):
        if not any(gap.server == move.to and gap.holds(move.booking.span) for gap in gaps):
            return False
        if any(other.to == move.to and other.booking.span.overlaps(move.booking.span) for other in moves[:place]):
            return False
    return True


def can_be_emptied(lane, gaps):
    others = [server for server in SERVERS if server != lane[0].server]
    return any(
        fits([Move(booking, to) for booking, to in zip(lane, chosen, strict=True)], gaps)
        for chosen in product(others, repeat=len(lane))
    )


@given(pools(), st.integers(0, 4))
def test_what_moves_fits_where_it_goes_and_leaves_empty_servers_behind(pool, wanted):
    lanes, gaps = pool

    moves = empty_servers(lanes, gaps, wanted)

    emptied = [lane[0].server for lane in lanes if all(booking in [move.booking for move in moves] for booking in lane)]
    assert fits(moves, gaps)
    assert len(emptied) == emptied_by(moves, lanes) <= wanted
    assert {move.booking.server for move in moves} == set(emptied)
    assert not {move.to for move in moves} & set(emptied)


@given(pools())
def test_a_server_that_can_be_emptied_is(pool):
    lanes, gaps = pool

    assert bool(empty_servers(lanes, gaps, 1)) == any(can_be_emptied(lane, gaps) for lane in lanes)


def test_the_server_with_the_least_to_move_is_emptied():
    much = [Booking(1, 1, 1, span(0, 1)), Booking(2, 1, 1, span(2, 3))]
    little = [Booking(3, 2, 2, span(0, 5))]

    moves = empty_servers([much, little], [Gap(3, span(0, 9))], 1)

    assert moves == [Move(little[0], 3)]


def test_the_tightest_gap_of_a_server_that_cannot_be_emptied_is_taken():
    one, other = [Booking(1, 1, 1, span(2, 4))], [Booking(2, 1, 2, span(6, 8))]
    gaps = [Gap(2, span(1, 5)), Gap(3, span(0, 9)), Gap(4, span(2, 6))]

    assert empty_servers([one, other], gaps, 1) == [Move(one[0], 4)]


def test_never_more_is_moved_than_somebody_may_wait_for():
    lanes = [[Booking(number, 1, number, span(0, 1))] for number in range(100)]
    gaps = [Gap(1000 + number, span(0, 1)) for number in range(100)]

    assert len(empty_servers(lanes, gaps, 100)) == MOST_MOVES
