"""What programs ask for is kept in the request log, above all what they are refused."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.reservations.models import Enquiry, Reservation
from tests.api.client import Api, assert_problem, order
from tests.api.conftest import buyer_with_servers

DAY = timedelta(days=1)


def kept():
    rows = Enquiry.objects.order_by("pk")
    return list(rows.values_list("channel", "kind", "outcome", "reason", "free", "subject"))


@pytest.mark.django_db
def test_a_refusal_under_an_idempotency_key_is_kept_although_all_is_rolled_back(api, buyer):
    body = order(buyer.project, count=9)
    for _ in range(2):
        reply = api.post("/reservations", body, key="the-same")
        assert_problem(reply, 409, "insufficient_capacity")

    assert not Reservation.objects.exists()
    assert kept() == [("api", "reserve", "refused", "insufficient_capacity", 8, "")] * 2


@pytest.mark.django_db
def test_a_refused_rehearsal_is_a_wish_too(api, buyer):
    assert_problem(api.post("/reservations?dry_run=true", order(buyer.project, count=9)), 409, "insufficient_capacity")

    assert [row[:4] for row in kept()] == [("api", "reserve", "refused", "insufficient_capacity")]


@pytest.mark.django_db
def test_a_search_is_kept_with_what_was_free(api):
    begin = clock.now() + DAY
    query = {
        "server_type": "h100x8",
        "region": "eu-north-1",
        "starts_at": clock.as_rfc3339(begin),
        "ends_at": clock.as_rfc3339(begin + DAY),
    }
    for count in (8, 9):
        assert api.get("/availability", {**query, "count": count}).status_code == 200

    assert kept() == [("api", "search", "fits", "", 8, ""), ("api", "search", "no_fit", "", 8, "")]


@pytest.mark.django_db(transaction=True)
def test_what_is_made_is_kept_once_however_often_it_is_sent_and_a_rehearsal_is_not():
    buyer = buyer_with_servers()
    api = Api.of(buyer.project)
    assert api.post("/reservations?dry_run=true", order(buyer.project)).status_code == 200
    assert kept() == []

    body = order(buyer.project)
    replies = [api.post("/reservations", body, key="the-same") for _ in range(2)]

    assert [reply.status_code for reply in replies] == [201, 201]
    assert kept() == [("api", "reserve", "made", "", None, replies[0].json()["id"])]


@pytest.mark.django_db(transaction=True)
def test_a_quote_that_is_withdrawn_is_kept_as_abandoned():
    buyer = buyer_with_servers()
    api = Api.of(buyer.project)
    wish = {name: value for name, value in order(buyer.project).items() if name not in ("name", "image", "ssh_keys")}
    made = api.post("/quotes", {**wish, "hold": True})
    assert made.status_code == 201, made.content

    api.post(f"/quotes/{made.json()['id']}/withdraw")

    subject = made.json()["id"]
    assert kept() == [("api", "hold", "made", "", None, subject), ("api", "hold", "abandoned", "", None, subject)]
