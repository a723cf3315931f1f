"""Capacity lights: what is free for a row, with what the rows above it take."""

from datetime import timedelta

import pytest

from portal.contracts.lights import HELD, Colour, lights_of, lights_of_lines
from portal.contracts.needs import lines_of
from portal.core import clock
from portal.reservations.models import Placement
from tests import factories
from tests.contracts import builders
from tests.contracts.builders import DAY, line, tomorrow

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def scope():
    return builders.stage(servers=4)


def test_rows_for_the_same_time_share_what_is_free():
    first, second, later = lights_of(
        [line(count=3), line(count=2), line(count=4, starts_at=tomorrow() + 91 * DAY, ends_at=tomorrow() + 99 * DAY)]
    )

    assert (first.colour, second.colour, later.colour) == (Colour.FREE, Colour.SHORT, Colour.FREE)
    assert second.text == "1 of 2 free"


def test_a_block_in_one_fabric_may_lack_where_single_servers_do_not():
    factories.servers(4, in_fabric=factories.fabric("B"), with_bmc=False)
    (block,), (spread,) = lights_of([line(count=6)]), lights_of([line(count=6, placement=Placement.ANY)])

    assert (block.colour, spread.colour) == (Colour.SHORT, Colour.FREE)


@pytest.mark.parametrize("fields", [{"count": 0}, {"ends_at": clock.now() - timedelta(days=2)}])
def test_a_row_that_is_not_filled_in_has_no_light(fields):
    assert lights_of([line(**fields)])[0].colour == Colour.UNKNOWN


def test_looking_holds_nothing_and_what_is_held_says_so(scope):
    contract = builders.quoted(scope, line(count=3))
    lines = lines_of(contract)

    assert lights_of([line(count=2)])[0].text == "1 of 2 free"
    assert lights_of_lines(lines, set(), {lines[0].pk}) == [HELD]
