"""Nobody pays more than the page showed: a price that has risen meanwhile is shown anew, and nothing is done."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest

from portal.audit.models import AuditEvent
from portal.catalog.models import Price
from portal.core import clock
from portal.reservations.models import Allocation, Reservation
from tests import factories
from tests.web.seen import text
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


def shown(reply):
    (agreed,) = set(re.findall(r'name="agreed" value="([^"]+)"', reply.content.decode()))
    return agreed


def everything():
    return [
        AuditEvent.objects.count(),
        list(Reservation.objects.order_by("pk").values()),
        list(Allocation.objects.order_by("pk").values_list("occupied", "state", "server")),
    ]


@pytest.mark.parametrize("kind", ["extend", "add-servers"])
def test_a_price_that_has_risen_is_shown_anew_and_taken_only_then(web, later, kind):
    wish = asked_for(later, kind)
    agreed = shown(web.get(address(later, kind), wish))
    Price.objects.update(per_gpu_hour=Decimal("3.00"))
    before = everything()

    refused = web.post(address(later, kind), {**wish, "agreed": agreed})

    assert refused.status_code == 409
    assert everything() == before
    assert "Nothing was changed; look at the new price first." in text(refused)
    assert Decimal(shown(refused)) > Decimal(agreed)
    assert web.post(address(later, kind), {**wish, "agreed": shown(refused)}).status_code == 302
    later.refresh_from_db()
    assert later.total.amount == Decimal(shown(refused))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_shown_is_what_is_charged(web, later, kind):
    wish = asked_for(later, kind)
    agreed = shown(web.get(address(later, kind), wish))

    web.post(address(later, kind), {**wish, "agreed": agreed})

    later.refresh_from_db()
    assert later.total.amount == Decimal(agreed)


def test_a_price_that_has_fallen_needs_no_second_consent(web, later):
    wish = asked_for(later, "extend")
    agreed = shown(web.get(address(later, "extend"), wish))
    Price.objects.update(per_gpu_hour=Decimal("1.00"))

    assert web.post(address(later, "extend"), {**wish, "agreed": agreed}).status_code == 302

    later.refresh_from_db()
    assert later.total.amount < Decimal(agreed)


@pytest.mark.parametrize("said", ["", "much", "NaN", "1.00"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_amount_or_too_little_agrees_to_nothing(web, later, kind, said):
    before = everything()

    refused = web.post(address(later, kind), {**asked_for(later, kind), "agreed": said})

    assert refused.status_code == 409
    assert everything() == before


def test_calling_off_costs_what_was_shown_or_is_asked_again(web, later):
    page = f"/reservations/{later.public_id}/cancel"
    agreed = shown(web.get(page))
    dearer = [{"notice_hours": 0, "percent": "80"}]
    Reservation.objects.filter(pk=later.pk).update(cancellation_terms=dearer)
    before = everything()

    refused = web.post(page, {"agreed": agreed})

    assert refused.status_code == 409
    assert everything() == before
    assert Decimal(shown(refused)) > Decimal(agreed) > 0
    web.post(page, {"agreed": shown(refused)})
    later.refresh_from_db()
    assert (later.state, later.cancellation_fee) == ("cancelled", Decimal(shown(refused)))
