"""The waiting list: joining with a demand, places in the queue, offers, and leaving."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.reservations.models import WaitlistEntry
from portal.reservations.services import waitlist
from portal.tenancy.roles import Role
from tests import factories
from tests.web.conftest import browser_of
from tests.web.seen import links, text, values

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
