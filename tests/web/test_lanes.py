"""Periods as bars over days."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.core import clock
from portal.core.periods import Period
from portal.web.lanes import pack
from portal.web.windows import Window, days_of

pytestmark = pytest.mark.usefixtures("far_from_midnight")


def today(ahead=0):
    return clock.now().date() + timedelta(days=ahead)


def at(day, hour=0):
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        ("2026-12-02T12:00", "2026-12-16T12:00", (2, 14)),
        ("2026-12-02T00:00", "2026-12-03T00:00", (2, 1)),
        ("2026-12-02T23:00", "2026-12-03T01:00", (2, 2)),
        ("2026-12-02T12:00", "2026-12-03T11:00", (2, 2)),
        ("2026-12-02T01:00", "2026-12-02T02:00", (2, 1)),
    ],
)
def test_which_days_stand_for_a_period(start, end, shown):
    first, days = days_of(Period(datetime.fromisoformat(f"{start}Z"), datetime.fromisoformat(f"{end}Z")))

    assert (first.day, days) == shown


class Held:
    """What a lane asks of a reservation."""

    def __init__(self, first, days):
        self.span = Period(at(today(first)), at(today(first + days)))


def columns(lanes):
    return [[(part.days, part.it is not None) for part in lane] for lane in lanes.lanes]


def test_bars_share_a_lane_where_they_do_not_touch_and_are_cut_at_the_edges():
    window = Window.of("week", today(1))

    lanes = pack([Held(0, 3), Held(2, 2), Held(3, 1), Held(6, 30), Held(40, 2)], window)

    assert columns(lanes) == [[(2, True), (1, True), (2, False), (2, True)], [(1, False), (2, True), (4, False)]]
    assert (lanes.count, lanes.hidden) == (4, 0)
    assert [part.begins for part in lanes.lanes[0] if part.it] == [False, True, True]
    assert [part.ends for part in lanes.lanes[0] if part.it] == [True, True, False]


def test_more_lanes_than_can_be_read_are_counted_instead():
    lanes = pack([Held(1, 2)] * 6, Window.of("week", today()))

    assert (len(lanes.lanes), lanes.count, lanes.hidden) == (4, 6, 2)


def test_without_any_there_is_one_empty_lane():
    assert columns(pack([], Window.of("week", today()))) == [[(7, False)]]
