"""The capacity board, held against a count of every server at every instant."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from hypothesis import given
from hypothesis import strategies as st

from portal.core import clock
from portal.core.periods import Period
from portal.fleet.models import Server
from portal.reservations.board import MEANINGS, Part, Use, board_of, standing_of, week_of, weeks_from, worst_of
from portal.reservations.models import Allocation
from tests import factories

START = datetime(2031, 3, 3, tzinfo=UTC)
DAY = timedelta(days=1)
WEEKS = weeks_from(START, START, 3)
STANDING = (Use.FREE, Use.FREE, Use.FREE, Use.SPARE, Use.BROKEN)


@st.composite
def fleets(draw):
    """Return servers: what each is by itself, and the days (from, until, use) for which it is something else."""
    fleet = []
    for _ in range(draw(st.integers(1, 6))):
        cuts = sorted(draw(st.sets(st.integers(-5, 30), max_size=6)))
        uses = draw(st.lists(st.sampled_from((Use.SOLD, Use.HELD, Use.TURNOVER)), min_size=3, max_size=3))
        spans = [(first, last, use) for first, last, use in zip(cuts[::2], cuts[1::2], uses, strict=False)]
        fleet.append((draw(st.sampled_from(STANDING)), spans))
    return fleet


def uses_at(fleet, day):
    return Counter(
        next((use for first, last, use in spans if first <= day < last), standing) for standing, spans in fleet
    )


def together(fleet):
    """Return what the board is given: equal spans of servers that are alike are one."""
    counted = Counter((standing, *span) for standing, spans in fleet for span in spans)
    return [
        Part(Period(START + first * DAY, START + last * DAY), use, standing, servers)
        for (standing, first, last, use), servers in counted.items()
    ]


@given(fleets())
def test_a_cell_is_the_worst_day_of_its_week_and_counts_every_server_once(fleet):
    cells = worst_of(Counter(standing for standing, _ in fleet), together(fleet), WEEKS)

    for number, cell in enumerate(cells):
        days = range(7 * number, 7 * number + 7)
        worst = min(days, key=lambda day: (uses_at(fleet, day)[Use.FREE], uses_at(fleet, day)[Use.SPARE], day))
        assert cell.worst_at == START + worst * DAY
        assert {use: servers for use, servers in cell.servers.items() if servers} == uses_at(fleet, worst)
        assert sum(cell.servers.values()) == len(fleet)


def test_the_weeks_begin_on_mondays_and_the_first_with_the_present():
    now = datetime(2031, 3, 5, 9, 30, tzinfo=UTC)

    weeks = weeks_from(now, now, 2)

    assert weeks == [Period(now, datetime(2031, 3, 10, tzinfo=UTC)), Period(START + 7 * DAY, START + 14 * DAY)]
    assert weeks_from(START - 50 * DAY, now, 2) == weeks
    assert weeks_from(START + 30 * DAY, now, 1) == [Period(START + 28 * DAY, START + 35 * DAY)]
    assert (week_of(now), week_of(START), week_of(START - timedelta(seconds=1))) == (START, START, START - 7 * DAY)


@pytest.mark.parametrize(
    ("state", "is_spare", "use"),
    [
        ("available", False, Use.FREE),
        ("releasing", True, Use.SPARE),
        ("in_use", False, Use.FREE),
        ("quarantined", True, Use.BROKEN),
        ("maintenance", False, Use.BROKEN),
        ("deploy_failed", False, Use.BROKEN),
        ("enrolled", False, Use.BROKEN),
    ],
)
def test_what_a_server_is_by_itself(state, is_spare, use):
    assert standing_of(state, is_spare=is_spare) == use


def counts(**servers):
    return {use: servers.get(use.value, 0) for use in MEANINGS}


@pytest.mark.django_db
def test_a_reservation_a_hold_a_spare_and_a_broken_server_are_told_apart(noon):
    kind = factories.server_type(lead_time=timedelta(hours=1), cleanup_time=timedelta(hours=2))
    factories.servers(6)
    factories.server(is_spare=True)
    factories.server(state="quarantined")
    factories.server(state="retired")
    buyer, monday = factories.buyer(), week_of(clock.now()) + timedelta(days=7)
    factories.reservation(buyer, count=2, starts_at=monday + DAY, ends_at=monday + 2 * DAY)
    factories.hold(buyer, count=3, starts_at=monday + 2 * DAY, ends_at=monday + 3 * DAY)

    (row,) = board_of(weeks_from(clock.now(), clock.now(), 3))

    assert (row.server_type, row.region.code, row.fabric.name, row.servers) == (kind, "eu-north-1", "A", 8)
    assert [cell.servers for cell in row.cells] == [
        counts(free=6, spare=1, broken=1),
        counts(sold=2, held=3, free=1, spare=1, broken=1),
        counts(free=6, spare=1, broken=1),
    ]
    # The preparation of the hold begins an hour before its period, when the two servers are still sold.
    assert row.cells[1].worst_at == monday + 2 * DAY - timedelta(hours=1)
    later = monday + 2 * DAY + timedelta(minutes=30)
    (row,) = board_of(weeks_from(later, later, 1))
    assert row.cells[0].servers == counts(held=3, turnover=2, free=1, spare=1, broken=1)


@pytest.mark.django_db
def test_what_ended_early_or_was_called_off_is_free_again(noon):
    factories.servers(2)
    quote = factories.hold(count=2)
    Allocation.objects.filter(reservation=quote.reservation).update(state="released")

    (row,) = board_of(weeks_from(clock.now(), clock.now(), 1))

    assert row.cells[0].servers == counts(free=2)


@pytest.mark.django_db
def test_pools_are_apart_by_type_region_and_fabric_and_filtered(noon, django_assert_num_queries):
    home, far = factories.fabric("A"), factories.fabric("X", factories.region("us-west-1"))
    other = factories.server_type("b200x8", name="8 x B200")
    for in_fabric, of_type, count in (
        (home, None, 3),
        (factories.fabric("B"), None, 2),
        (far, None, 1),
        (home, other, 4),
    ):
        factories.servers(count, in_fabric=in_fabric, of_type=of_type)
    factories.server(in_fabric=factories.fabric("C"), state="retired")
    weeks = weeks_from(clock.now(), clock.now(), 1)

    def shown(**chosen):
        return [
            (row.server_type.slug, row.region.code, row.fabric.name, row.servers) for row in board_of(weeks, **chosen)
        ]

    with django_assert_num_queries(3):
        assert shown() == [
            ("b200x8", "eu-north-1", "A", 4),
            ("h100x8", "eu-north-1", "A", 3),
            ("h100x8", "eu-north-1", "B", 2),
            ("h100x8", "us-west-1", "X", 1),
        ]
    assert shown(server_type=other) == [("b200x8", "eu-north-1", "A", 4)]
    assert shown(region=far.region) == [("h100x8", "us-west-1", "X", 1)]
    assert shown(region=far.region, server_type=other) == []


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_the_board_is_right_for_a_full_calendar(noon, seed, django_assert_num_queries):
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    now, hour = clock.now(), timedelta(hours=1)
    factories.servers(4)
    factories.servers(2, is_spare=True)
    factories.server(state="maintenance")
    buyer = factories.buyer()
    parents = {"held": factories.hold(buyer).reservation, "sold": factories.reservation(buyer)}
    Allocation.objects.all().delete()
    kept = {}
    for server in Server.objects.order_by("pk"):
        cuts = sorted(chance.sample(range(-20, 400), 8))
        for position, (first, last) in enumerate(zip(cuts[::2], cuts[1::2], strict=True)):
            use = chance.choice(["held", "sold"])
            turn = chance.randint(first, last)
            Allocation.objects.create(
                state="booked",
                reservation=parents[use],
                server=server,
                position=position,
                hostname=f"{server.name}-{position}",
                occupied=DateTimeTZRange(now + first * hour, now + last * hour),
                turnover=DateTimeTZRange(now + turn * hour, now + last * hour) if turn < last else None,
            )
            kept.setdefault(server, []).append((first, turn, last, Use(use)))

    def uses(at):
        found = Counter()
        for server, spans in kept.items():
            standing = standing_of(server.state, is_spare=server.is_spare)
            held = [(use if at < turn else Use.TURNOVER) for first, turn, last, use in spans if first <= at < last]
            found[held[0] if held else standing] += 1
        return found

    weeks = weeks_from(now, now, 3)
    with django_assert_num_queries(3):
        (row,) = board_of(weeks)

    for cell in row.cells:
        hours = range((cell.week.start - now) // hour, (cell.week.end - now) // hour)
        worst = min(hours, key=lambda at: (uses(at)[Use.FREE], uses(at)[Use.SPARE], at))
        assert (cell.worst_at, {use: n for use, n in cell.servers.items() if n}) == (now + worst * hour, uses(worst))
        assert sum(cell.servers.values()) == row.servers == 7
