"""The search."""

import re
from datetime import timedelta

import pytest

from portal.core import clock
from portal.reservations.models import Reservation
from portal.tenancy.roles import Role
from tests import factories
from tests.web.conftest import browser_of


def text(reply):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", reply.content.decode())).replace("\u00d7", "x")


def test_the_first_look_shows_every_pool_with_its_price(web):
    reply = web.get("/availability")

    assert reply.status_code == 200
    assert "8 fits 1" in text(reply)
    assert "$2.50 /GPU·h" in text(reply)
    assert "8 GPU x 24 h x $2.50 $480.00" in text(reply)


def test_the_price_is_exactly_that_of_the_asked_duration(web, plan):
    seen = text(web.get("/availability", plan | {"count": "4", "duration": "90", "unit": "minutes"}))

    assert "32 GPU x 1.50 h x $2.50 $120.00" in seen


def test_an_end_counts_before_the_duration(web, plan):
    start = (clock.now() + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    fields = {"start": f"{start:%Y-%m-%dT%H:%M}", "end": f"{start + timedelta(hours=10):%Y-%m-%dT%H:%M}"}

    assert "x 10 h x" in text(web.get("/availability", plan | fields))


def test_what_does_not_fit_shows_what_is_near(web, plan, buyer):
    factories.reservation(buyer, count=6, starts_at=clock.now() + timedelta(minutes=1))

    seen = text(web.get("/availability", plan | {"count": "5"}))

    assert "2 fewer than 5" in seen
    assert "The same, later" in seen
    assert "2 instead of 5" in seen
    assert "Only 2 of 5 are free in one fabric" in seen


def test_two_fabrics_are_offered_where_one_is_too_small(web, plan):
    factories.servers(4, in_fabric=factories.fabric("B"))

    seen = text(web.get("/availability", plan | {"count": "10"}))

    assert "8 fewer than 10" in seen
    assert "The same, over several fabrics" in seen


def test_a_quota_that_is_too_small_is_said_apart_from_capacity(web, plan, buyer):
    buyer.organization.quotas.update(limit=1)

    seen = text(web.get("/availability", plan))

    assert "Free for the whole period: 8 in one fabric." in seen
    assert "Over quota: 2 of 1 servers." in seen


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
        ({"start": "yesterday"}, "Enter a valid date/time"),
        ({"start": "9999-12-31T23:59"}, "at most 366 days ahead"),
        ({"end": "2001-01-01T00:00"}, "The end must lie after the start"),
        ({"end": "9999-12-31T23:59"}, "at most 366 days"),
        ({"duration": "5", "unit": "minutes"}, "at least 60 minutes"),
        ({"duration": "9999", "unit": "days"}, "at most 366 days"),
        ({"duration": "-1"}, "At least 1."),
        ({"duration": ""}, "Give a duration or an end"),
        ({"unit": "years"}, "Select a valid choice"),
        ({"placement": "nowhere"}, "Select a valid choice"),
    ],
)
def test_bad_input_is_named_on_its_field_and_kept(web, plan, fields, message):
    reply = web.get("/availability", plan | fields)

    assert reply.status_code == 200
    assert text(reply).count(message) == 2, "once on the field, once in the summary"
    (name, value) = next(iter(fields.items()))
    assert f'id="id_{name}_error"' in reply.content.decode()
    if value and "\x00" not in value and name in ("count", "start", "end", "duration"):
        assert f'value="{value}"' in reply.content.decode()


def test_a_fragment_is_only_the_part_and_history_gets_the_page(web, plan):
    part = web.get("/availability", plan, headers={"HX-Request": "true"})
    whole = web.get("/availability", plan, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})

    assert b"<html" not in part.content
    assert b"<html" in whole.content


def test_looking_changes_nothing(web, plan):
    web.get("/availability", plan)

    assert not Reservation.objects.exists()


def test_every_link_to_an_order_leads_to_a_page_that_can_be_ordered(web, plan):
    page = web.get("/availability", plan).content.decode()
    links = {link.replace("&amp;", "&") for link in re.findall(r'href="(/reserve\?[^"]+)"', page)}

    assert len(links) > 2, "that of the row and the panel, and those of what stands beside it"
    for link in links:
        assert "Reserve for $" in web.get(link).content.decode()


def test_a_pool_can_be_chosen_and_stays_so_while_it_is_there(web, plan):
    factories.price(of_type=factories.server_type("b200x8", name="8 x B200"), rate="5.00")
    factories.server(of_type=factories.server_type("b200x8"))
    search = plan | {"type": "", "count": "1"}

    first = web.get("/availability", search)
    other = web.get("/availability", search | {"pick": "h100x8@eu-north-1"})
    gone = web.get("/availability", search | {"pick": "h100x8@nowhere"})

    assert "Reserve 1 x 8 x B200" in text(first)
    assert "Reserve 1 x 8 x H100" in text(other)
    assert '<input type="hidden" name="pick" value="h100x8@eu-north-1">' in other.content.decode()
    assert "Reserve 1 x 8 x B200" in text(gone)
    assert b'name="pick"' not in gone.content


def test_what_is_wrong_with_start_and_duration_is_said_at_once(web, plan):
    form = web.get("/availability", plan | {"start": "2001-01-01T00:00", "duration": "-1"}).context["form"]

    assert set(form.errors) == {"start", "duration"}


def test_over_quota_the_way_on_leads_to_the_quotas(web, plan, buyer):
    buyer.organization.quotas.update(limit=1)
    one_too_many = web.get("/availability", plan)
    buyer.organization.quotas.all().delete()
    none = web.get("/availability", plan)

    assert "Choose at most 1, or ask sales for more." in text(one_too_many)
    assert "No quota for this server type here. Ask sales for one." in text(none)
    for reply in (one_too_many, none):
        assert b">Continue</a>" not in reply.content
        assert b"See your quotas" in reply.content


def test_a_viewer_looks_and_is_offered_nothing_to_take(buyer, plan):
    viewer = browser_of(factories.scope(Role.VIEWER, buyer.project))

    page = viewer.get("/availability", plan)

    assert "8 fits 2" in text(page)
    assert b"/reserve?" not in page.content
