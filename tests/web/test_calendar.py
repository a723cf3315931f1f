"""The calendar: which days it shows, what its cells choose, and the project's own bars."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.core import clock
from portal.core.periods import Period
from portal.web.windows import Window
from tests import factories
from tests.web.seen import barred, cells, text, values

pytestmark = pytest.mark.usefixtures("far_from_midnight")

POOL = "h100x8@eu-north-1@A"


def today(ahead=0):
    return clock.now().date() + timedelta(days=ahead)


def at(day, hour=0):
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@pytest.mark.parametrize(("view", "days"), [("week", 7), ("four", 28), ("weeks", 35), ("quarter", 91)])
def test_a_view_shows_so_many_days_from_today_on(web, plan, view, days):
    reply = web.get("/availability", plan | {"view": view})

    assert len(cells(reply, POOL)) == days
    assert reply.context["window"].first == today()


def test_forward_and_back_move_by_what_is_shown_and_not_before_today(web, plan):
    first = web.get("/availability", plan).context["window"]
    later = web.get("/availability", plan | {"go": f"{first.forward}"}).context["window"]
    last = web.get("/availability", plan | {"go": f"{today(5000)}"}).context["window"]

    assert (first.back, first.forward) == (None, today(28))
    assert (later.first, later.back, later.forward) == (today(28), today(), today(56))
    assert (last.forward, last.days[-1].date) == (None, today(366))
    assert Window.of("week", today(-3)).first == today()


def test_a_start_that_is_far_away_is_shown(web, plan):
    reply = web.get("/availability", plan | {"start": f"{today(100)} 12:00"})

    assert reply.context["window"].first == today(100)
    assert barred(reply) == [(POOL, f"{today(100)}")]


def test_a_cell_chooses_its_pool_from_its_day_on_for_the_length_that_is_asked_for(web, plan):
    reply = web.get("/availability", plan | {"length": "3d", "at": f"{POOL}:{today(4)}"})

    assert reply.context["plan"].period == Period(at(today(4)), at(today(7)))
    assert barred(reply) == [(POOL, f"{today(day)}") for day in (4, 5, 6)]
    assert values(reply, "search")["pick"] == [POOL]


def test_todays_cell_begins_now(web, plan):
    reply = web.get("/availability", plan | {"start": f"{today(4)} 00:00", "at": f"{POOL}:{today()}"})

    assert reply.context["plan"].starts_now


def test_a_last_day_counts_before_the_length(web, plan):
    fields = {"length": "3d", "at": f"{POOL}:{today(4)}", "to": f"{today(8)}"}

    assert web.get("/availability", plan | fields).context["plan"].period == Period(at(today(4)), at(today(9)))


def test_a_day_counts_only_servers_that_are_free_throughout_it(web, plan, buyer):
    factories.reservation(buyer, count=8, starts_at=at(today(3), 12), ends_at=at(today(5), 12))

    seen = cells(web.get("/availability", plan), POOL)

    assert seen[2:7] == ["8 free, fits", "sold out", "sold out", "sold out", "8 free, fits"]


def test_of_today_the_rest_counts(web, plan, buyer):
    seen = cells(web.get("/availability", plan | {"count": "3"}), POOL)

    assert seen[0] == "8 free, fits"


def test_own_reservations_stand_over_their_days_and_lead_to_their_pages(web, plan, buyer):
    mine = factories.reservation(buyer, name="mine-1", starts_at=at(today(1), 12), ends_at=at(today(3), 12))
    factories.reservation(factories.buyer(), name="not-mine", starts_at=at(today(1), 12), ends_at=at(today(3), 12))

    reply = web.get("/availability", plan)

    assert "mine-1 · 1" in text(reply)
    assert "not-mine" not in text(reply)
    assert f'<td colspan="2"><a class="mine busy begins ends" href="/reservations/{mine.public_id}">' in (
        reply.content.decode()
    )
