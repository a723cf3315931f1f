"""The same form sent twice makes one reservation and leads to it both times."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.reservations.models import Reservation
from portal.reservations.services import lifecycle
from portal.tenancy.models import SSHKey
from portal.tenancy.roles import Role
from tests import factories
from tests.racing import race
from tests.web.conftest import browser_of

OTHER_KEY = factories.KEY.replace("ana@lab", "ben@lab")


@pytest.fixture
def form(order):
    """Return the order as a page that was opened a moment ago sends it."""
    return order | {"opened_at": clock.as_rfc3339(clock.now() - timedelta(seconds=5))}


def test_the_form_carries_when_it_was_opened(web, plan):
    before = clock.as_rfc3339(clock.now())

    shown = web.get("/reserve", plan).context["form"]["opened_at"].value()

    assert before <= shown <= clock.as_rfc3339(clock.now())


def test_a_form_sent_again_leads_to_the_same_reservation(web, form):
    first = web.post("/reserve", form)

    again = web.post("/reserve", form)

    made = Reservation.objects.get()
    assert [first.url, again.url] == [f"/reservations/{made.public_id}"] * 2


def test_also_where_it_took_the_last_servers_or_all_of_the_quota(web, form, buyer):
    buyer.organization.quotas.update(limit=8)

    replies = [web.post("/reserve", form | {"count": "8"}) for _ in range(2)]

    made = Reservation.objects.get()
    assert [reply.url for reply in replies] == [f"/reservations/{made.public_id}"] * 2


def test_also_with_a_key_that_was_pasted(web, form, buyer):
    buyer.project.ssh_keys.all().delete()
    pasted = form | {"ssh_keys": [], "new_key": OTHER_KEY}

    replies = [web.post("/reserve", pasted) for _ in range(2)]

    made = Reservation.objects.get()
    assert [reply.url for reply in replies] == [f"/reservations/{made.public_id}"] * 2
    assert SSHKey.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"count": "3"},
        {"placement": "any"},
        {"user_data": "echo other"},
        {"new_key": OTHER_KEY, "new_key_name": "ben"},
        {"opened_at": ""},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_order_under_the_same_name_is_refused(web, form, change):
    web.post("/reserve", form)

    reply = web.post("/reserve", form | change)

    assert reply.status_code == 422
    assert b'id="id_name_error"' in reply.content
    assert Reservation.objects.count() == 1


def test_a_form_that_was_opened_afterwards_is_another_order(web, form):
    web.post("/reserve", form)

    reply = web.post("/reserve", form | {"opened_at": clock.as_rfc3339(clock.now() + timedelta(seconds=2))})

    assert reply.status_code == 422


def test_a_colleague_with_the_same_wish_is_told_that_the_name_is_taken(web, form, buyer):
    web.post("/reserve", form)

    reply = browser_of(factories.scope(Role.OPERATOR, buyer.project)).post("/reserve", form)

    assert reply.status_code == 422
    assert Reservation.objects.count() == 1


def test_after_a_cancellation_the_same_form_reserves_anew(web, form, buyer):
    later = form | {"start": f"{clock.now() + timedelta(days=1):%Y-%m-%dT%H:%M}"}
    first = web.post("/reserve", later)
    lifecycle.cancel(scope=buyer, actor=buyer.actor, reservation=Reservation.objects.get())

    again = web.post("/reserve", later)

    assert again.status_code == 302
    assert again.url != first.url
    assert sorted(Reservation.objects.values_list("state", flat=True)) == ["cancelled", "scheduled"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("opened", "statuses"), [(True, [302, 302]), (False, [302, 422])], ids=["guard", "control"])
def test_two_at_once_make_one_and_lead_to_it(buyer, form, opened, statuses):
    sent = form if opened else form | {"opened_at": ""}
    windows = [browser_of(buyer), browser_of(buyer)]

    replies = race(2, lambda number: windows[number].post("/reserve", sent))

    made = Reservation.objects.get()
    assert sorted(reply.status_code for reply in replies) == statuses
    assert {reply.url for reply in replies if reply.status_code == 302} == {f"/reservations/{made.public_id}"}
