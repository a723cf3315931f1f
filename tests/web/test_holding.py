"""Holding what is chosen in the calendar."""

import re
from datetime import timedelta

import pytest

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.reservations.models import Quote, Reservation
from portal.tenancy.models import SSHKey
from portal.tenancy.roles import Role
from tests import factories
from tests.web.conftest import browser_of
from tests.web.seen import text, values


def everything():
    rows = [Quote, Reservation, SSHKey, AuditEvent]
    return [row.objects.count() for row in rows] + [sorted(Quote.objects.values_list("public_id", "state"))]


def held_from_the_calendar(web, plan, **typed):
    fields = values(web.get("/availability", plan), "search") | {name: [value] for name, value in typed.items()}
    return web.post("/hold", fields)


def test_holding_what_is_chosen_leads_to_its_quote_with_what_was_typed(web, plan, buyer):
    reply = held_from_the_calendar(web, plan, name="train-7b")

    made = Quote.objects.get()
    assert (made.is_hold, made.count, made.fabric.name, made.total.amount) == (True, 2, "A", 960)
    assert made.reservation.state == "held"
    assert reply.url.startswith(f"/quotes/{made.public_id}?typed=1&name=train-7b&")
    page = web.get(reply.url)
    assert "Reserve for $960.00" in text(page)
    assert 'value="train-7b"' in page.content.decode()
    assert f'data-until="{made.expires_at.isoformat()}"' in page.content.decode()


def test_a_hold_without_room_is_refused_where_it_was_chosen(web, plan, buyer):
    fields = values(web.get("/availability", plan), "search")
    factories.reservation(buyer, count=7, starts_at=clock.now() + timedelta(minutes=1))
    before = everything()

    reply = web.post("/hold", fields | {"name": ["train-7b"]})

    assert reply.status_code == 409
    assert "1 of 2 x 8 x H100 are free in one fabric" in text(reply)
    assert "2 are free from" in text(reply)
    assert 'value="train-7b"' in reply.content.decode()
    assert "Join the waiting list" in text(reply)
    assert everything() == before


def test_the_token_of_a_hold_is_in_no_address_that_the_form_makes(web, plan):
    _, _, form = web.get("/availability", plan).content.decode().partition('id="search"')

    assert re.findall(r"<(\w+)[^>]*csrfmiddlewaretoken", form.partition("</form>")[0]) == ["button"]


@pytest.mark.parametrize("fields", [{"count": "0"}, {"pick": "x"}, {"length": "0d"}])
def test_a_hold_of_nonsense_is_invalid_and_changes_nothing(web, plan, fields):
    before = everything()

    assert web.post("/hold", plan | {"type": "", "region": ""} | fields).status_code == 422
    assert everything() == before


def test_a_viewer_may_not_hold(buyer, plan):
    before = everything()

    assert browser_of(factories.scope(Role.VIEWER, buyer.project)).post("/hold", plan).status_code == 403
    assert everything() == before


def test_above_the_approval_limit_it_is_said_apart_and_nothing_is_held(buyer, plan):
    buyer.organization.approval_limit = 100
    buyer.organization.save()
    operator = browser_of(factories.scope(Role.OPERATOR, buyer.project))
    before = everything()

    seen = text(operator.get("/availability", plan))
    reply = operator.post("/hold", plan)

    assert "Approval. Above your approval limit of USD 100.00: ask an owner or admin." in seen
    assert reply.status_code == 403
    assert "you may commit" in text(reply)
    assert everything() == before
