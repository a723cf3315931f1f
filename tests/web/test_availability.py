"""The availability page: its search, its panel, and what is near."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.reservations.models import Quote, Reservation
from portal.tenancy.roles import Role
from tests import factories
from tests.web.conftest import browser_of
from tests.web.seen import barred, cells, links, text, values

pytestmark = pytest.mark.usefixtures("far_from_midnight")

POOL = "h100x8@eu-north-1@A"


def test_the_first_look_shows_every_pool_with_its_price(web):
    reply = web.get("/availability")

    assert reply.status_code == 200
    assert cells(reply, POOL) == ["8 free, fits"] * 28
    assert "$2.50 /GPU·h" in text(reply)
    assert "8 GPU x 24 h x $2.50 $480.00" in text(reply)


def test_the_price_is_exactly_that_of_the_asked_duration(web, plan):
    seen = text(web.get("/availability", plan | {"count": "4", "length": "90min"}))

    assert "32 GPU x 1.50 h x $2.50 $120.00" in seen


def test_an_end_counts_before_the_duration(web, plan):
    start = (clock.now() + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    fields = {"start": f"{start:%Y-%m-%dT%H:%M}", "end": f"{start + timedelta(hours=10):%Y-%m-%dT%H:%M}"}

    assert "x 10 h x" in text(web.get("/availability", plan | fields))


def test_an_end_that_was_only_shown_moves_with_the_start(web, plan):
    day = (clock.now() + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    first = web.get("/availability", plan | {"start": f"{day:%Y-%m-%d %H:%M}", "length": "3d"})
    fields = {name: given[-1] for name, given in values(first, "search").items()}

    later = web.get("/availability", fields | {"start": f"{day + timedelta(days=1):%Y-%m-%d %H:%M}"})
    shorter = web.get("/availability", fields | {"end": f"{day + timedelta(days=1):%Y-%m-%d %H:%M}"})

    assert later.context["plan"].period.end == day + timedelta(days=4)
    assert shorter.context["plan"].period.end == day + timedelta(days=1)


@pytest.mark.parametrize(("changed", "count"), [("count", 3), ("panel_count", 3), ("name", 2)])
def test_a_number_that_stands_twice_counts_where_it_was_changed(web, plan, changed, count):
    fields = {name: given[-1] for name, given in values(web.get("/availability", plan), "search").items()}

    assert web.get("/availability", fields | {changed: "3"}).context["plan"].count == count


def test_an_end_that_a_cell_makes_counts_also_where_it_was_shown_already(web, plan):
    day = clock.now().date() + timedelta(days=4)
    first = web.get("/availability", plan | {"start": f"{day} 00:00", "length": "3d"})
    fields = {name: given[-1] for name, given in values(first, "search").items()}

    last = day + timedelta(days=2)
    later = web.get("/availability", fields | {"at": f"{POOL}:{last}", "to": f"{last}"})

    assert later.context["plan"].period.duration == timedelta(days=1)


def test_what_was_typed_beside_the_calendar_goes_along_with_a_filter(web, plan, buyer):
    fields = values(web.get("/availability", plan), "search") | {"name": ["train-7b"], "ssh_keys": []}

    page = web.get("/availability", fields | {"length": ["3d"]})

    assert page.context["plan"].period.duration == timedelta(days=3)
    assert values(page, "search")["name"] == ["train-7b"]
    assert "ssh_keys" not in values(page, "search")


def test_what_does_not_fit_shows_what_is_near(web, plan, buyer):
    factories.reservation(buyer, count=6, starts_at=clock.now() + timedelta(minutes=1))

    seen = text(web.get("/availability", plan | {"count": "5"}))

    assert "The same, later" in seen
    assert "2 instead of 5" in seen
    assert "Only 2 of 5 are free in fabric A" in seen
    assert "Join the waiting list" in seen
    assert "Review reservation" not in seen


def test_two_fabrics_are_offered_where_one_is_too_small(web, plan):
    factories.servers(4, in_fabric=factories.fabric("B"))

    reply = web.get("/availability", plan | {"count": "10"})
    spread = web.get("/availability", plan | {"count": "10", "placement": "any"})

    assert set(cells(reply, POOL)) == {"8 free, fewer than 10"}
    assert "The same, over several fabrics" in text(reply)
    assert set(cells(spread, POOL)) == {"8 free, fits"}
    assert "Free for the whole period: 12 in this region." in text(spread)


def test_a_quota_that_is_too_small_is_said_apart_from_capacity(web, plan, buyer):
    buyer.organization.quotas.update(limit=1)

    seen = text(web.get("/availability", plan))

    assert "Capacity. Free for the whole period: 8 in fabric A." in seen
    assert "Quota. Over your quota: 2 of 1 servers." in seen
    assert "Approval. No approval needed." in seen


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"count": "0"}, "At least 1."),
        ({"count": "99999"}, "At most 512."),
        ({"count": "many"}, "Enter a whole number"),
        ({"count": ""}, "This field is required"),
        ({"type": "abacus"}, "Select a valid choice"),
        ({"region": "\x00"}, "Select a valid choice"),
        ({"start": "2001-01-01T00:00"}, "The start lies in the past"),
        ({"start": "yesterday"}, "Write it like 2026-12-02 12:00."),
        ({"start": "9999-01-01T00:00"}, "at most 366 days ahead"),
        ({"end": "2001-01-01T00:00"}, "The end must lie after the start"),
        ({"end": "9999-01-01T00:00"}, "at most 366 days"),
        ({"length": "5min"}, "at least 60 minutes"),
        ({"length": "9999d"}, "at most 366 days"),
        ({"length": "-1d"}, "Write the length like 14d"),
        ({"length": "0d"}, "Write the length like 14d"),
        ({"length": ""}, "Give a duration or an end"),
        ({"length": "3years"}, "Write the length like 14d"),
    ],
)
def test_bad_input_is_named_on_its_field_and_kept(web, plan, fields, message):
    reply = web.get("/availability", plan | fields)

    assert reply.status_code == 200
    assert text(reply).count(message) == 2, "once on the field, once in the summary"
    (name, value) = next(iter(fields.items()))
    assert f'id="id_{name}_error"' in reply.content.decode()
    if value and name in ("count", "start", "end"):
        assert f'value="{value}"' in reply.content.decode()


@pytest.mark.parametrize(
    "nonsense",
    [{"at": "x"}, {"at": f"{POOL}:2026-99-99"}, {"go": "x"}, {"first": "\x00"}, {"view": "year"}, {"pick": "a@b@c@d"}],
)
def test_nonsense_in_what_buttons_say_is_as_if_none_was_pressed(web, plan, nonsense):
    reply = web.get("/availability", plan | nonsense)

    assert reply.status_code == 200
    assert len(cells(reply, POOL)) == 28


def test_a_fragment_is_only_the_part_and_history_gets_the_page(web, plan):
    part = web.get("/availability", plan, headers={"HX-Request": "true"})
    whole = web.get("/availability", plan, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})

    assert b"<html" not in part.content
    assert b"<html" in whole.content


def test_looking_changes_nothing(web, plan):
    web.get("/availability", plan)

    assert not Reservation.objects.exists()
    assert not Quote.objects.exists()


def test_the_panel_leads_to_a_page_that_can_be_ordered_with_what_was_typed(web, plan, buyer):
    fields = values(web.get("/availability", plan), "search") | {"name": ["train-7b"]}

    page = web.get("/reserve", fields)

    assert "Reserve for $960.00" in page.content.decode()
    assert page.context["form"]["name"].value() == "train-7b"
    assert page.context["demand"].fabric.name == "A"
    assert page.context["form"]["ssh_keys"].value() == [key.public_id for key in buyer.project.ssh_keys.all()]


def test_every_match_leads_to_a_calendar_that_has_it_chosen(web, plan):
    reply = web.get("/availability", plan)
    found = links(reply, "/availability")

    assert [near.is_chosen for near in reply.context["matches"]] == [True, False, False]
    assert len(found) == 2
    for address in found:
        chosen = web.get(address)
        assert chosen.context["fits"], address
        assert len(cells(chosen, POOL)) == 28, "the filters stay as they were"
    assert "% " in text(reply)


def test_a_pool_can_be_chosen_and_stays_so_while_it_is_there(web, plan):
    factories.price(of_type=factories.server_type("b200x8", name="8 x B200"), rate="5.00")
    factories.server(of_type=factories.server_type("b200x8"))
    search = plan | {"type": "", "count": "1"}

    first = web.get("/availability", search)
    other = web.get("/availability", search | {"pick": POOL})
    gone = web.get("/availability", search | {"pick": "h100x8@nowhere@A"})

    assert "Reserve 1 x 8 x B200" in text(first)
    assert "Reserve 1 x 8 x H100" in text(other)
    assert values(other, "search")["pick"] == [POOL]
    assert "Reserve 1 x 8 x B200" in text(gone)


def test_what_is_wrong_with_start_and_duration_is_said_at_once(web, plan):
    form = web.get("/availability", plan | {"start": "2001-01-01T00:00", "length": "-1d"}).context["form"]

    assert set(form.errors) == {"start", "length"}


def test_over_quota_the_way_on_leads_to_the_quotas(web, plan, buyer):
    buyer.organization.quotas.update(limit=1)
    one_too_many = web.get("/availability", plan)
    buyer.organization.quotas.all().delete()
    none = web.get("/availability", plan)

    assert "Choose at most 1, or ask for more." in text(one_too_many)
    assert "No quota for this server type here. Ask for one." in text(none)
    for reply in (one_too_many, none):
        assert b"Review reservation" not in reply.content
        assert b"See your quotas" in reply.content


def test_a_viewer_looks_and_is_offered_nothing_to_take(buyer, plan):
    viewer = browser_of(factories.scope(Role.VIEWER, buyer.project))

    page = viewer.get("/availability", plan)

    assert cells(page, POOL)[0] == "8 free, fits"
    for way in (b"/reserve", b'action="/hold"', b"Alert me"):
        assert way not in page.content


def test_what_is_held_is_said_with_the_way_on(web, plan, buyer):
    held = factories.hold(buyer)

    reply = web.get("/availability", plan)

    assert "held for you" in text(reply)
    assert f"/quotes/{held.public_id}" in reply.content.decode()
    assert barred(reply) == [(POOL, f"{clock.now():%Y-%m-%d}")]
