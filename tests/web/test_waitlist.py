"""The waiting list: joining with a demand, places in the queue, offers, and leaving."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.reservations.models import Quote, WaitlistEntry
from portal.reservations.services import waitlist
from portal.tenancy.roles import Role
from portal.web.views.waitlist import PAGE_LENGTH
from tests import factories
from tests.web.conftest import browser_of
from tests.web.seen import links, text, values

pytestmark = pytest.mark.usefixtures("far_from_midnight")

JOIN = "/waiting-list/join"


def everything():
    rows = WaitlistEntry.objects.order_by("pk").values_list("public_id", "state")
    return [list(rows), AuditEvent.objects.count()]


@pytest.fixture
def wish(web, plan):
    """Return the fields of the form that a search which does not fit leads to."""
    (address,) = links(web.get("/availability", plan | {"count": "9"}), JOIN)
    return {name: given[-1] for name, given in values(web.get(address), JOIN).items()}


def test_what_does_not_fit_can_be_waited_for_with_a_week_to_begin_in(wish):
    start, latest = wish.pop("start"), wish.pop("latest")

    assert wish == {
        "type": "h100x8",
        "region": "eu-north-1",
        "count": "9",
        "placement": "same_fabric",
        "length": "1d",
        "ceiling": "",
    }
    assert start[:10] == f"{clock.now():%Y-%m-%d}"
    assert latest[:10] == f"{clock.now() + timedelta(days=7):%Y-%m-%d}"


def test_joining_without_a_search_asks_for_everything(web):
    assert web.get(JOIN).status_code == 200


def test_who_joins_sees_the_place_in_the_queue(web, wish):
    factories.waitlist_entry(count=9)

    reply = web.post(JOIN, wish | {"ceiling": "5000"}, follow=True)

    made = WaitlistEntry.objects.latest("pk")
    assert (made.count, made.duration, made.ceiling, made.state) == (9, timedelta(days=1), Decimal(5000), "waiting")
    assert [row.place for row in reply.context["rows"]] == [2]
    assert "You wait for 9 x 8 x H100." in text(reply)
    assert "$5,000.00" in text(reply)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"count": "0"}, "count"),
        ({"length": "5min"}, "length"),
        ({"length": ""}, "length"),
        ({"start": "soon"}, "start"),
        ({"latest": ""}, "latest"),
        ({"latest": "2001-01-01 00:00"}, "latest"),
        ({"ceiling": "-1"}, "ceiling"),
        ({"type": "abacus"}, "type"),
    ],
)
def test_bad_input_is_named_on_its_field_and_changes_nothing(web, wish, fields, field):
    before = everything()

    reply = web.post(JOIN, wish | fields)

    assert reply.status_code == 422
    assert f'id="id_{field}_error"' in reply.content.decode()
    assert everything() == before


def test_too_many_wishes_are_refused_with_words(web, wish, settings):
    settings.METALYARD_WAITLIST_ENTRIES = 1
    web.post(JOIN, wish)
    before = everything()

    reply = web.post(JOIN, wish)

    assert reply.status_code == 409
    assert "waits for 1 things already" in text(reply)
    assert everything() == before


def test_an_offer_comes_first_with_the_way_to_take_it(web, buyer):
    waiting = factories.waitlist_entry(buyer, count=9)
    factories.waitlist_entry(factories.buyer(), count=2)
    served = factories.waitlist_entry(buyer, count=2)
    waitlist.offer_waiting()

    reply = web.get("/waiting-list")

    rows = reply.context["rows"]
    assert [(row.it.pk, row.place) for row in rows] == [(served.pk, 0), (waiting.pk, 1)]
    assert f"/quotes/{rows[0].offer.public_id}" in reply.content.decode()
    assert "are held for you" in text(reply)
    assert "from the waiting list" in text(web.get("/quotes"))


def shown(web, page=None):
    """Return a page of the list, with the pks of its entries in order."""
    reply = web.get("/waiting-list", {"page": page} if page else {})
    return reply, [row.it.pk for row in reply.context["rows"]]


def test_a_long_list_has_pages_that_links_lead_to(web, buyer):
    over = [factories.waitlist_entry(buyer, state="withdrawn").pk for _ in range(PAGE_LENGTH)]
    waiting = factories.waitlist_entry(buyer, count=9).pk
    served = factories.waitlist_entry(buyer, count=2).pk
    late = [factories.waitlist_entry(buyer, state="lapsed").pk for _ in range(3)]
    waitlist.offer_waiting()
    everyone = [served, waiting, *reversed(late), *reversed(over)]

    first, second = shown(web), shown(web, "2")

    assert first[1] + second[1] == everyone
    assert len(first[1]) == PAGE_LENGTH
    assert [links(reply, "") for reply, _ in (first, second)] == [{"?page=2"}, {"?page=1"}]
    assert ["of 55 entries" in text(reply) for reply, _ in (first, second)] == [True, True]
    assert ["held for you" in text(reply) for reply, _ in (first, second)] == [True, False]


@pytest.mark.parametrize(("asked", "number"), [("0", 2), ("9", 2), ("-1", 2), ("x", 1), ("", 1)])
def test_a_page_that_is_not_there_is_the_nearest(web, buyer, asked, number):
    for _ in range(PAGE_LENGTH + 1):
        factories.waitlist_entry(buyer, state="withdrawn")

    assert web.get("/waiting-list", {"page": asked}).context["page"].number == number


def test_an_offer_that_ran_out_no_longer_comes_first(web, buyer):
    served = factories.waitlist_entry(buyer, count=2)
    waitlist.offer_waiting()
    waiting = factories.waitlist_entry(buyer, count=9)
    assert shown(web)[1] == [served.pk, waiting.pk]

    Quote.objects.update(expires_at=clock.now())

    assert shown(web)[1] == [waiting.pk, served.pk]


def test_a_short_list_has_no_pages(web, buyer):
    factories.waitlist_entry(buyer)

    assert 'aria-label="Pages"' not in web.get("/waiting-list").content.decode()


def test_leaving_gives_the_place_and_the_offer_up(web, buyer):
    served = factories.waitlist_entry(buyer, count=2)
    waitlist.offer_waiting()

    reply = web.post(f"/waiting-list/{served.public_id}/leave", follow=True)
    again = web.post(f"/waiting-list/{served.public_id}/leave", follow=True)

    served.refresh_from_db()
    assert (served.state, served.offers.get().state) == ("withdrawn", "withdrawn")
    assert "You no longer wait for 2 x 8 x H100." in text(reply)
    assert again.status_code == 200


def test_others_entries_are_not_there(web, stranger, buyer):
    mine = factories.waitlist_entry(buyer)
    before = everything()

    assert stranger.get("/waiting-list").context["rows"] == []
    assert stranger.post(f"/waiting-list/{mine.public_id}/leave").status_code == 404
    assert everything() == before


def test_a_viewer_looks_and_may_neither_join_nor_leave(buyer, wish):
    mine = factories.waitlist_entry(buyer)
    viewer = browser_of(factories.scope(Role.VIEWER, buyer.project))
    before = everything()

    page = viewer.get("/waiting-list")

    assert "1 x 8 x H100" in text(page)
    assert b"/leave" not in page.content
    assert viewer.get(JOIN).status_code == 403
    assert viewer.post(JOIN, wish).status_code == 403
    assert viewer.post(f"/waiting-list/{mine.public_id}/leave").status_code == 403
    assert everything() == before
