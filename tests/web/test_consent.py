"""Nobody pays more than the page showed: a price that has risen meanwhile is shown anew, and nothing is done."""

from datetime import timedelta
from decimal import Decimal

import pytest
from time_machine import travel

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.reservations.models import Allocation, Reservation
from portal.web.wording import money_text
from tests import factories, thawing
from tests.web.seen import agreed_in, text
from tests.web.test_changes import address, end

KINDS = {"extend": {"ends_at": 1}, "add-servers": {"count": "1"}, "shorten": {"ends_at": -1}}


@pytest.fixture
def later(buyer):
    start = (clock.now() + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    terms = [{"notice_hours": 24 * 30, "percent": "25"}, {"notice_hours": 0, "percent": "50"}]
    made = factories.reservation(buyer, name="later-1", count=2, starts_at=start, ends_at=start + timedelta(days=2))
    Reservation.objects.filter(pk=made.pk).update(cancellation_terms=terms)
    made.refresh_from_db()
    return made


def asked_for(reservation, kind):
    wish = KINDS[kind]
    return wish if "count" in wish else {"ends_at": end(reservation, days=wish["ends_at"])}


def everything():
    return [
        AuditEvent.objects.count(),
        list(Reservation.objects.order_by("pk").values()),
        list(Allocation.objects.order_by("pk").values_list("occupied", "state", "server")),
    ]


@pytest.mark.parametrize("kind", ["extend", "add-servers"])
def test_a_price_that_has_risen_is_shown_anew_and_taken_only_then(web, later, kind):
    wish = asked_for(later, kind)
    agreed = agreed_in(web.get(address(later, kind), wish))
    thawing.reprice("3.00")
    before = everything()

    refused = web.post(address(later, kind), {**wish, "agreed": agreed})

    assert refused.status_code == 409
    assert everything() == before
    assert "Nothing was changed; look at the new price first." in text(refused)
    assert Decimal(agreed_in(refused)) > Decimal(agreed)
    assert web.post(address(later, kind), {**wish, "agreed": agreed_in(refused)}).status_code == 302
    later.refresh_from_db()
    assert later.total.amount == Decimal(agreed_in(refused))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_shown_is_what_is_charged(web, later, kind):
    wish = asked_for(later, kind)
    agreed = agreed_in(web.get(address(later, kind), wish))

    web.post(address(later, kind), {**wish, "agreed": agreed})

    later.refresh_from_db()
    assert later.total.amount == Decimal(agreed)


def test_a_price_that_has_fallen_needs_no_second_consent(web, later):
    wish = asked_for(later, "extend")
    agreed = agreed_in(web.get(address(later, "extend"), wish))
    thawing.reprice("1.00")

    assert web.post(address(later, "extend"), {**wish, "agreed": agreed}).status_code == 302

    later.refresh_from_db()
    assert later.total.amount < Decimal(agreed)


@pytest.mark.parametrize("said", [{}, *({"agreed": text} for text in ("", "much", "NaN", "1.00"))])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_amount_or_too_little_agrees_to_nothing(web, later, kind, said):
    before = everything()

    refused = web.post(address(later, kind), asked_for(later, kind) | said)

    assert refused.status_code == 409
    assert everything() == before


def test_calling_off_costs_what_was_shown_or_is_asked_again(web, later):
    page = f"/reservations/{later.public_id}/cancel"
    agreed = agreed_in(web.get(page))
    dearer = [{"notice_hours": 0, "percent": "80"}]
    Reservation.objects.filter(pk=later.pk).update(cancellation_terms=dearer)
    before = everything()

    refused = web.post(page, {"agreed": agreed})

    assert refused.status_code == 409
    assert everything() == before
    assert Decimal(agreed_in(refused)) > Decimal(agreed) > 0
    web.post(page, {"agreed": agreed_in(refused)})
    later.refresh_from_db()
    assert (later.state, later.cancellation_fee) == ("cancelled", Decimal(agreed_in(refused)))


HALF = [{"notice_hours": 0, "percent": "50"}]


@pytest.mark.parametrize("page", ["", "/release"])
def test_a_release_costs_no_more_than_was_shown_on_either_page_or_is_asked_again(web, active, page):
    Reservation.objects.update(cancellation_terms=HALF)
    with travel(active.span.start + timedelta(hours=6), tick=False) as now:
        address = f"/reservations/{active.public_id}"
        agreed = agreed_in(web.get(address + page))
        now.shift(timedelta(minutes=30))
        before = everything()

        refused = web.post(f"{address}/release", {"release-name": "now-1", "agreed": agreed})

        assert refused.status_code == 409
        assert everything() == before
        assert "Nothing was changed; look at the new price first." in text(refused)
        assert Decimal(agreed_in(refused)) > Decimal(agreed)
        assert 'value="now-1"' in refused.content.decode(), "what was typed is kept"
        now.shift(timedelta(minutes=4))
        wanted = {"release-name": "now-1", "agreed": agreed_in(refused)}
        done = web.post(f"{address}/release", wanted, follow=True)

    active.refresh_from_db()
    assert active.state == "ending"
    assert Decimal(agreed) < active.total.amount <= Decimal(agreed_in(refused))
    assert f"It comes to {money_text(active.total)} in all." in text(done)


def test_a_release_whose_price_does_not_grow_costs_exactly_what_was_shown(web, active):
    Reservation.objects.update(cancellation_terms=[{"notice_hours": 24, "percent": "0"}])
    agreed = agreed_in(web.get(f"/reservations/{active.public_id}/release"))

    web.post(f"/reservations/{active.public_id}/release", {"release-name": "now-1", "agreed": agreed})

    active.refresh_from_db()
    assert (active.state, active.total.amount) == ("ending", Decimal(agreed))
