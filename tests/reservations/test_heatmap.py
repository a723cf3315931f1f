"""The calendar, slot by slot, against what the allocations say."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.core import clock
from portal.core.periods import Period
from portal.reservations import calendar
from portal.reservations.heatmap import Cell, calendar_of
from portal.reservations.models import Grain, Placement
from tests import factories
from tests.reservations.calendars import bare_reservation, occupy

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def midnight(days=0):
    return datetime(2031, 3, 4, tzinfo=UTC) + days * DAY


def busy(server, first, last):
    """Let a server be held from the hour ``first`` from now on to the hour ``last``."""
    return occupy(bare_reservation(), server, 6 * first, 6 * last)


def row(scope, **query):
    (found,) = calendar_of(scope, **{"first": clock.now(), "slots": 3, **query})
    return found


def free(found):
    return [cell.free for cell in found.cells]


def test_a_day_counts_the_servers_that_are_free_for_all_of_it(noon):
    scope = factories.buyer()
    one, _, _ = factories.servers(3)
    # From noon on: the second day is full of it, the third has the last two hours of it.
    busy(one, 24, 38)

    found = row(scope, slots=4, count=3)

    assert (found.pool.fabric, found.rate, found.currency) == (factories.fabric(), 2.5, "USD")
    assert found.cells == (
        Cell(midnight(0), midnight(1), 3, fits=True),
        Cell(midnight(1), midnight(2), 2, fits=False),
        Cell(midnight(2), midnight(3), 2, fits=False),
        Cell(midnight(3), midnight(4), 3, fits=True),
    )


def test_hours_are_counted_one_by_one(noon):
    scope = factories.buyer()
    busy(factories.server(), 1, 2)

    found = row(scope, grain=Grain.HOUR, first=clock.now() + timedelta(minutes=59), slots=4)

    assert free(found) == [1, 0, 1, 1]
    assert found.cells[1].starts_at == clock.now() + timedelta(hours=1)
    assert [cell.ends_at - cell.starts_at for cell in found.cells] == [timedelta(hours=1)] * 4


def test_of_the_present_day_the_rest_counts_and_of_the_past_nothing(noon):
    scope = factories.buyer()
    one, _ = factories.servers(2)
    busy(one, -6, -1)

    assert free(row(scope, first=midnight(-1))) == [0, 2, 2]
    assert next(calendar.slots([row(scope).pool.pk], Grain.DAY, Period(midnight(), midnight(1))))[2] == 1


def test_what_is_asked_for_must_fit_into_one_fabric_unless_any_will_do(noon):
    scope = factories.buyer()
    factories.servers(2)
    factories.servers(1, in_fabric=factories.fabric("B"))
    taken = factories.server(in_fabric=factories.fabric("C"))
    busy(taken, -12, 72)

    def fitting(**query):
        rows = calendar_of(scope, first=clock.now(), slots=1, **query)
        return [(row.pool.fabric.name, row.cells[0].free, row.cells[0].fits) for row in rows]

    assert fitting(count=2) == [("A", 2, True), ("B", 1, False), ("C", 0, False)]
    assert fitting(count=3, placement=Placement.ANY) == [("A", 2, True), ("B", 1, True), ("C", 0, False)]
    assert fitting(count=4, placement=Placement.ANY) == [("A", 2, False), ("B", 1, False), ("C", 0, False)]
    assert fitting(count=3, placement=Placement.ANY, fabric=factories.fabric("B")) == [("B", 1, False)]


def test_only_what_is_sold_and_asked_for_is_shown(noon):
    scope = factories.buyer()
    factories.server()
    factories.servers(2, is_spare=True)
    factories.server(in_fabric=factories.fabric("U", factories.region("unsold-1")))
    south, large = factories.region("south-1"), factories.server_type("h200x8")
    factories.server(in_fabric=factories.fabric("S", south), of_type=large)
    factories.price(large, south, "3.10")

    def shown(**query):
        rows = calendar_of(scope, first=clock.now(), slots=1, **query)
        return [(row.pool.server_type.slug, row.pool.region.code, str(row.rate), row.cells[0].free) for row in rows]

    assert shown() == [("h100x8", "eu-north-1", "2.500000", 1), ("h200x8", "south-1", "3.100000", 1)]
    assert shown(server_type=large) == shown(region=south) == shown()[1:]
    assert shown(server_type=large, region=factories.region()) == []


def test_it_asks_as_often_for_many_pools_as_for_one(noon):
    scope = factories.buyer()
    factories.server()
    asked = []
    for names in ("", "BCDE"):
        for name in names:
            factories.servers(2, in_fabric=factories.fabric(name))
        with CaptureQueriesContext(connection) as queries:
            calendar_of(scope, first=clock.now(), slots=90)
        asked.append(len(queries))

    assert asked == [4, 4]
