"""Changing a reservation: what it comes to is said first, and what is refused changes nothing."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.money import Money
from portal.reservations.models import Allocation, Reservation
from portal.tenancy.roles import Role
from tests import factories
from tests.web.conftest import browser_of
from tests.web.seen import agreed_in, text

KINDS = ("extend", "shorten", "add-servers")
SHOWN = "%Y-%m-%d %H:%M:%S"
MUCH = "99999"
"""An amount that agrees to any price here."""


def usd(amount):
    return Money(Decimal(amount), "USD")


def everything():
    return [
        Reservation.objects.count(),
        AuditEvent.objects.count(),
        list(Reservation.objects.order_by("pk").values_list("period", "price", "count", "project", "state")),
        list(Allocation.objects.order_by("pk").values_list("occupied", "state", "server")),
    ]


@pytest.fixture
def later(buyer):
    start = (clock.now() + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    return factories.reservation(buyer, name="later-1", count=2, starts_at=start, ends_at=start + timedelta(days=2))


def address(reservation, kind):
    return f"/reservations/{reservation.public_id}/change/{kind}"


def end(reservation, **more):
    return f"{reservation.span.end + timedelta(**more):{SHOWN}}"


def test_the_page_of_a_reservation_leads_to_what_is_possible(web, later):
    page = web.get(f"/reservations/{later.public_id}").content.decode()

    for kind in KINDS:
        assert address(later, kind) in page
    assert f"/reservations/{later.public_id}/transfer" in page


@pytest.mark.parametrize("kind", KINDS)
def test_at_first_nothing_is_asked_and_nothing_answered(web, later, kind):
    before = everything()

    reply = web.get(address(later, kind))

    assert reply.status_code == 200
    assert reply.context["answer"] is None
    assert b'method="post" data-once' not in reply.content
    assert everything() == before


def test_a_later_end_shows_its_price_and_then_is_had_for_it(web, later):
    asked = web.get(address(later, "extend"), {"ends_at": end(later, days=1)})
    assert (asked.context["answer"].lines, asked.context["answer"].total) == ({"Added": usd(960)}, usd(2880))
    assert "Extend for $960.00" in text(asked)
    before = later.span

    done = web.post(address(later, "extend"), {"ends_at": end(later, days=1), "agreed": agreed_in(asked)}, follow=True)

    later.refresh_from_db()
    assert (later.span.end - before.end, later.total) == (timedelta(days=1), usd(2880))
    assert "later-1 now ends later." in text(done)


def test_a_blocked_extension_says_by_what_and_offers_the_latest_end(web, later, buyer):
    taken = later.span.end + timedelta(days=1)
    factories.reservation(buyer, count=8, starts_at=taken, ends_at=taken + timedelta(days=1))
    before = everything()

    asked = web.get(address(later, "extend"), {"ends_at": end(later, days=2)})
    refused = web.post(address(later, "extend"), {"ends_at": end(later, days=2), "agreed": MUCH})

    answer = asked.context["answer"]
    assert (answer.fits, answer.note[:43]) == (False, "2 of its servers are promised to others fro")
    assert "The latest possible end is" in answer.note
    assert "Extend for" not in text(asked)
    assert refused.status_code == 409
    assert everything() == before
    instead = web.get(f"{address(later, 'extend')}?{answer.instead}")
    assert instead.context["answer"].fits


def test_an_earlier_end_shows_what_it_saves_and_then_is_done(web, later):
    asked = web.get(address(later, "shorten"), {"ends_at": end(later, days=-1)})
    assert asked.context["answer"].total == usd(960)
    assert "You no longer pay $960.00" in text(asked)

    web.post(address(later, "shorten"), {"ends_at": end(later, days=-1), "agreed": agreed_in(asked)})

    later.refresh_from_db()
    assert (later.span.duration, later.total) == (timedelta(days=1), usd(960))


def test_more_servers_show_their_price_and_then_are_there(web, later):
    asked = web.get(address(later, "add-servers"), {"count": "3"})
    assert "Add 3 servers for $2,880.00" in text(asked)

    web.post(address(later, "add-servers"), {"count": "3", "agreed": agreed_in(asked)})

    later.refresh_from_db()
    assert (later.count, later.allocations.count(), later.total) == (5, 5, usd(4800))


def test_more_servers_than_are_free_are_not_offered(web, later):
    before = everything()

    asked = web.get(address(later, "add-servers"), {"count": "7"})
    refused = web.post(address(later, "add-servers"), {"count": "7", "agreed": MUCH})

    assert "6 further servers can be added until the end." in text(asked)
    assert "Add 6 instead" in text(asked)
    assert refused.status_code == 409
    assert everything() == before


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        ("extend", {"ends_at": "soon"}, "ends_at"),
        ("extend", {"ends_at": "2001-01-01 00:00"}, "ends_at"),
        ("extend", {"ends_at": "9999-01-01 00:00"}, "ends_at"),
        ("shorten", {"ends_at": "2001-01-01 00:00"}, "ends_at"),
        ("shorten", {"ends_at": "9999-01-01 00:00"}, "ends_at"),
        ("add-servers", {"count": "0"}, "count"),
        ("add-servers", {"count": "600"}, "count"),
    ],
)
def test_nonsense_is_named_on_its_field_and_changes_nothing(web, later, kind, fields, field):
    before = everything()

    looked = web.get(address(later, kind), fields)
    sent = web.post(address(later, kind), fields)

    assert (looked.status_code, sent.status_code) == (200, 422)
    for reply in (looked, sent):
        assert f'id="id_{field}_error"' in reply.content.decode()
    assert everything() == before


def test_over_quota_is_said_and_changes_nothing(web, later, buyer):
    buyer.organization.quotas.update(limit=2)
    before = everything()

    reply = web.post(address(later, "add-servers"), {"count": "1", "agreed": MUCH})

    assert reply.status_code == 409
    assert "may hold 2 x 8 x H100" in text(reply)
    assert everything() == before


def test_what_is_over_leads_back(web, later):
    web.post(f"/reservations/{later.public_id}/cancel")

    for kind in (*(f"change/{kind}" for kind in KINDS), "transfer"):
        reply = web.get(f"/reservations/{later.public_id}/{kind}", follow=True)
        assert "later-1 is cancelled; it can no longer" in text(reply)


def test_there_are_no_other_changes(web, later):
    assert web.get(address(later, "eat")).status_code == 404


def test_moving_to_another_project(web, later, buyer):
    other = factories.project(buyer.organization, "beside")
    factories.project(name="foreign")
    assert [*web.get(f"/reservations/{later.public_id}/transfer").context["form"].projects] == [other.public_id]

    done = web.post(f"/reservations/{later.public_id}/transfer", {"to": other.public_id}, follow=True)

    later.refresh_from_db()
    assert later.project == other
    assert "later-1 is in beside now." in text(done)


def test_moving_to_a_project_of_others_or_beside_a_namesake_is_refused(web, later, buyer):
    foreign = factories.project()
    beside = factories.project(buyer.organization)
    scope = type(buyer)(buyer.actor, beside, buyer.role)
    factories.ssh_key(beside)
    factories.reservation(scope, name="later-1")
    before = everything()

    for to in (foreign, beside):
        assert web.post(f"/reservations/{later.public_id}/transfer", {"to": to.public_id}).status_code == 422
    assert everything() == before


@pytest.mark.parametrize("path", [*(f"change/{kind}" for kind in KINDS), "transfer", "cancel"])
def test_another_tenant_and_a_viewer_may_not(stranger, buyer, later, path):
    viewer = browser_of(factories.scope(Role.VIEWER, buyer.project))
    fields = {"ends_at": end(later, days=1), "count": "1", "to": factories.project(buyer.organization).public_id}
    before = everything()

    assert stranger.post(f"/reservations/{later.public_id}/{path}", fields).status_code == 404
    assert viewer.post(f"/reservations/{later.public_id}/{path}", fields).status_code == 403
    assert viewer.get(f"/reservations/{later.public_id}/{path}").status_code == 403
    assert everything() == before


def test_calling_off_shows_what_it_costs_and_then_costs_that(web, later):
    terms = [{"notice_hours": 168, "percent": "0"}, {"notice_hours": 24, "percent": "25"}]
    Reservation.objects.filter(pk=later.pk).update(cancellation_terms=terms)

    asked = web.get(f"/reservations/{later.public_id}/cancel")
    web.post(f"/reservations/{later.public_id}/cancel", {"agreed": agreed_in(asked)})

    assert "Calling it off now costs $480.00" in text(asked)
    assert "Cancel for $480.00" in text(asked)
    later.refresh_from_db()
    assert (later.state, later.total) == ("cancelled", usd(480))
    assert "You are charged $480.00." in text(web.get(f"/reservations/{later.public_id}"))
