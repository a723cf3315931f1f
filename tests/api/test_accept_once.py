"""A quote is accepted once, however often and at what moment the request is sent, and every sending reads the same."""

import json
import time
import urllib.error
from collections import Counter
from http.client import RemoteDisconnected

import pytest

from portal.api.models import KeptReply
from portal.audit.models import AuditEvent
from portal.reservations.models import Allocation, Quote, Reservation
from portal.reservations.states import HOLDING, QuoteState, ReservationState
from tests import factories
from tests.racing import PATIENCE_S
from tests.serving import crowd, send, serving

# Not at once with other crowds: each takes many of the connections that the database has.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("fifty at once")]

LOST = (RemoteDisconnected, ConnectionResetError, urllib.error.URLError)


class Deal:
    """A quote that waits for its answer, and what accepts it."""

    def __init__(self, hold):
        scope = factories.buyer()
        factories.servers(3, with_bmc=False)
        factories.image(slug="ubuntu-24-04")
        self.token = factories.token(scope.project)[1]
        self.quote = factories.quote(scope, hold=hold, count=2)
        self.path = f"/quotes/{self.quote.public_id}/accept"
        keys = [key.public_id for key in scope.project.ssh_keys.all()]
        self.body = {"name": "train", "image": "ubuntu-24-04", "ssh_keys": keys}

    def accept(self, url, key="once", **headers):
        return send(url, self.token, self.path, self.body, key, **headers)

    def assert_done_once(self):
        quote = Quote.objects.get()
        reservation = Reservation.objects.get()
        assert (quote.state, quote.reservation) == (QuoteState.ACCEPTED, reservation)
        assert (reservation.state, reservation.name) == (ReservationState.SCHEDULED, "train")
        assert Allocation.objects.filter(state__in=HOLDING).count() == 2
        assert AuditEvent.objects.filter(verb="reservation.created").count() == 1
        return reservation


@pytest.mark.parametrize("hold", [True, False], ids=["a hold", "a price"])
def test_a_hundred_sends_under_one_key_make_one_reservation_and_a_hundred_equal_replies(hold):
    deal = Deal(hold)

    with serving() as url:
        outcomes = crowd(100, lambda _: deal.accept(url))

    reservation = deal.assert_done_once()
    replies = Counter((status, body) for status, _, body in outcomes)
    ((status, body),) = replies
    assert (status, json.loads(body)["id"]) == (201, reservation.public_id)
    assert {headers["Location"] for _, headers, _ in outcomes} == {f"/api/v1/reservations/{reservation.public_id}"}
    assert KeptReply.objects.count() == 1


@pytest.mark.parametrize("hold", [True, False], ids=["a hold", "a price"])
def test_control_under_keys_of_their_own_one_is_done_and_the_others_read_by_whom(hold):
    """What keeps the replies equal is the key; what keeps the deal from being made twice is the quote's state."""
    deal = Deal(hold)

    with serving() as url:
        outcomes = crowd(20, lambda number: deal.accept(url, key=f"key-{number}"))

    reservation = deal.assert_done_once()
    assert Counter(status for status, _, _ in outcomes) == {201: 1, 409: 19}
    refused = [json.loads(body) for status, _, body in outcomes if status == 409]
    assert {(reply["code"], reply["reservation"]) for reply in refused} == {("state_conflict", reservation.public_id)}


@pytest.mark.parametrize("hold", [True, False], ids=["a hold", "a price"])
def test_a_retry_finds_what_a_worker_did_that_was_killed_between_commit_and_reply(hold):
    deal = Deal(hold)

    with serving("tests.dying:application", workers=1) as url:
        with pytest.raises(LOST):
            deal.accept(url, **{"X-Die-Before-Reply": "yes"})
        reservation = deal.assert_done_once()
        kept = KeptReply.objects.get()
        again = patiently(lambda: deal.accept(url))

    assert deal.assert_done_once() == reservation
    assert again[0] == 201
    assert again[2] == kept.body.encode()
    assert json.loads(again[2])["id"] == reservation.public_id


def patiently(act):
    """Do what no worker may answer yet, until one does."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            return act()
        except LOST:
            time.sleep(0.05)
    raise AssertionError("no worker took the dead one's place")
