"""The page of a quote, accepting it and giving it up."""

from datetime import timedelta

import pytest
from time_machine import travel

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.reservations.models import Quote, Reservation
from portal.reservations.services.holds import expire_quote
from portal.tenancy.models import SSHKey
from portal.tenancy.roles import Role
from tests import factories
from tests.web.conftest import browser_of
from tests.web.seen import text, values


def everything():
    rows = [Quote, Reservation, SSHKey, AuditEvent]
    return [row.objects.count() for row in rows] + [sorted(Quote.objects.values_list("public_id", "state"))]


@pytest.fixture
def held(buyer):
    start = (clock.now() + timedelta(days=1)).replace(microsecond=0)
    return factories.hold(buyer, count=2, starts_at=start)


@pytest.fixture
def particulars(order):
    names = ("name", "image", "ssh_keys", "new_key", "new_key_name", "user_data")
    return {name: order[name] for name in names} | {"typed": "1"}


def test_accepting_makes_the_reservation_at_the_quoted_price(web, held, particulars):
    reply = web.post(f"/quotes/{held.public_id}", particulars)

    made = Reservation.objects.get()
    assert reply.url == f"/reservations/{made.public_id}"
    assert (made.name, made.state, made.total) == ("train-7b", "scheduled", held.total)
    assert made.ssh_keys == [factories.KEY]
    held.refresh_from_db()
    assert held.state == "accepted"
    assert web.get(f"/quotes/{held.public_id}").url == f"/reservations/{made.public_id}"


def test_pressing_twice_makes_one_and_leads_to_it(web, held, particulars):
    first = web.post(f"/quotes/{held.public_id}", particulars)
    second = web.post(f"/quotes/{held.public_id}", particulars)

    assert Reservation.objects.count() == 1
    assert second.url == first.url


def test_a_pasted_key_comes_with_the_reservation_or_not_at_all(web, held, particulars, buyer):
    buyer.project.ssh_keys.all().delete()
    fields = particulars | {"ssh_keys": [], "new_key": factories.KEY}
    with travel(held.expires_at, tick=False):
        late = web.post(f"/quotes/{held.public_id}", fields)
    assert (late.status_code, SSHKey.objects.count()) == (409, 0)

    web.post(f"/quotes/{held.public_id}", fields)

    assert [key.name for key in buyer.project.ssh_keys.all()] == ["ana@lab"]
    assert Reservation.objects.get().ssh_keys == [factories.KEY]


@pytest.mark.parametrize(
    ("fields", "field"), [({"name": ""}, "name"), ({"name": "-x"}, "name"), ({"ssh_keys": []}, "ssh_keys")]
)
def test_bad_input_is_named_on_its_field_and_changes_nothing(web, held, particulars, fields, field):
    before = everything()

    reply = web.post(f"/quotes/{held.public_id}", particulars | {"user_data": "echo kept"} | fields)

    assert reply.status_code == 422
    assert f'id="id_{field}_error"' in reply.content.decode()
    assert "echo kept" in reply.content.decode()
    assert everything() == before


def test_one_that_ran_out_says_so_keeps_what_was_typed_and_is_held_again_by_one_click(web, held, particulars):
    before = everything()
    with travel(held.expires_at + timedelta(seconds=1), tick=False):
        reply = web.post(f"/quotes/{held.public_id}", particulars | {"name": "late-1"})
        assert everything() == before
        expire_quote(actor=SYSTEM, quote=held)
        again = web.post("/hold", values(reply, "/hold"))

    assert reply.status_code == 409
    assert "This hold ran out" in text(reply)
    assert "name=late-1" in again.url
    fresh = Quote.objects.order_by("-pk").first()
    assert (fresh.state, fresh.count, fresh.span, again.url[8:].partition("?")[0]) == (
        "open",
        2,
        held.span,
        fresh.public_id,
    )


def test_one_that_ran_out_offers_no_button_that_would_be_refused(web, held):
    with travel(held.expires_at, tick=False):
        page = web.get(f"/quotes/{held.public_id}").content.decode()

    assert 'data-while-open hidden><button class="button primary wide"' in page
    assert "data-until" not in page


def test_giving_up_frees_the_capacity(web, held):
    reply = web.post(f"/quotes/{held.public_id}/withdraw", follow=True)

    held.refresh_from_db()
    assert (held.state, held.reservation.state) == ("withdrawn", "cancelled")
    assert "You gave up the quote for 2 x 8 x H100." in text(reply)
    assert "You gave this quote up" in text(web.get(f"/quotes/{held.public_id}"))
    again = web.post(f"/quotes/{held.public_id}/withdraw", follow=True)
    assert "withdrawn" in text(again)


def test_the_list_shows_open_ones_with_holds_first(web, buyer, held):
    price_only = factories.quote(buyer, count=3)
    factories.hold(factories.buyer())
    gone = factories.hold(buyer, count=1, starts_at=clock.now() + timedelta(days=9))
    web.post(f"/quotes/{gone.public_id}/withdraw")

    reply = web.get("/quotes")

    assert [quote.pk for quote in reply.context["quotes"]] == [held.pk, price_only.pk]
    assert "Price kept" in text(reply)


def test_a_held_reservation_is_shown_as_its_quote(web, held):
    listed = text(web.get("/reservations"))

    assert web.get(f"/reservations/{held.reservation.public_id}").url == f"/quotes/{held.public_id}"
    assert "On hold" in listed
    assert held.reservation.name not in listed
    assert web.get(f"/reservations/{held.reservation.public_id}/cancel").url == (
        f"/reservations/{held.reservation.public_id}"
    )


def test_a_hold_that_became_nothing_has_a_page(web, held):
    web.post(f"/quotes/{held.public_id}/withdraw")

    page = text(web.get(f"/reservations/{held.reservation.public_id}"))

    assert "16 GPUs" in page
    assert "You are not charged." in page


@pytest.mark.parametrize("path", ["", "/withdraw"])
def test_another_tenants_quote_is_not_there(stranger, held, particulars, path):
    before = everything()

    assert stranger.post(f"/quotes/{held.public_id}{path}", particulars).status_code == 404
    assert stranger.get(f"/quotes/{held.public_id}").status_code == 404
    assert everything() == before


@pytest.mark.parametrize("path", ["", "/withdraw"])
def test_a_viewer_looks_and_may_not_decide(buyer, held, particulars, path):
    viewer = browser_of(factories.scope(Role.VIEWER, buyer.project))
    before = everything()

    page = viewer.get(f"/quotes/{held.public_id}")

    assert b"Give it up" not in page.content
    assert b"Reserve for" not in page.content
    assert viewer.post(f"/quotes/{held.public_id}{path}", particulars).status_code == 403
    assert everything() == before
