"""The same request sent again, also at the same time, also by a client that never got the reply."""

import http.client
import json
import socket
import threading
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection, transaction

from portal.api import idempotency
from portal.api.idempotency import KEPT_FOR, PURGED_AT_ONCE, PURGED_EVERY, once
from portal.api.models import KeptReply
from portal.api.replies import Reply
from portal.core import clock
from portal.reservations.models import Reservation
from tests import factories, racing
from tests.api.client import Api, assert_problem, await_true, order
from tests.api.conftest import buyer_with_servers
from tests.api.world import nothing_changes

SENDERS = 20


def test_the_same_key_and_body_get_the_same_reply_once(api, buyer):
    body = order(buyer.project)
    first = api.post("/reservations", body, key="k1")

    with nothing_changes():
        again = api.post("/reservations", dict(reversed(body.items())), key="k1")

    assert (again.status_code, again.content) == (201, first.content)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    for name in ("ETag", "Location", "Content-Type"):
        assert again.headers[name] == first.headers[name]


def test_the_reply_stays_what_it_was_whatever_became_of_the_object(api, buyer):
    body = order(buyer.project)
    first = api.post("/reservations", body, key="k1")
    api.post(f"/reservations/{first.json()['id']}/cancel")

    assert api.post("/reservations", body, key="k1").content == first.content


@pytest.mark.parametrize("change", [{"count": 3}, {"name": "other"}, {"count": 2.0}, {"labels": {}}])
def test_another_body_under_a_used_key_is_refused(api, buyer, change):
    body = order(buyer.project)
    api.post("/reservations", body, key="k1")

    with nothing_changes():
        reply = api.post("/reservations", {**body, **change}, key="k1")

    assert_problem(reply, 422, "idempotency_key_reused")


def test_another_address_under_a_used_key_is_refused(api, buyer, scheduled):
    other = factories.reservation(buyer)
    api.post(f"/reservations/{scheduled.public_id}/cancel", key="k1")

    with nothing_changes():
        reply = api.post(f"/reservations/{other.public_id}/cancel", key="k1")

    assert_problem(reply, 422, "idempotency_key_reused")


def test_a_key_belongs_to_the_project(api, buyer, foreign):
    body = order(buyer.project)
    api.post("/reservations", body, key="k1")

    theirs = Api.of(foreign.project).post("/reservations", order(foreign.project), key="k1")
    sibling = Api.of(buyer.project).post("/reservations", body, key="k1")

    assert theirs.status_code == 201
    assert theirs.json()["project"] == foreign.project.public_id
    assert sibling.headers["Idempotency-Replayed"] == "true"


def test_a_refusal_is_not_kept_and_the_key_may_be_sent_again(api, buyer):
    body = order(buyer.project)
    with nothing_changes():
        assert_problem(api.post("/reservations", {**body, "count": 0}, key="k1"), 422, "invalid_input")
        assert_problem(api.post("/reservations", {**body, "count": 9}, key="k1"), 409, "insufficient_capacity")

    reply = api.post("/reservations", body, key="k1")

    assert reply.status_code == 201
    assert "Idempotency-Replayed" not in reply.headers


def test_who_may_no_longer_reserve_gets_no_old_reply(api, buyer):
    body = order(buyer.project)
    api.post("/reservations", body, key="k1")
    buyer.project.api_tokens.update(role="viewer")

    assert_problem(api.post("/reservations", body, key="k1"), 403, "permission_denied")


def test_every_write_takes_a_key(api, buyer, active, scheduled):
    key = buyer.project.ssh_keys.get()
    extra = {"public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJfqPLZWKeuiWSS2xUPmRAz3p5ULYFX1gbTNMq0CRpsU"}
    writes = [
        lambda: api.post(f"/reservations/{scheduled.public_id}/cancel", key="k1"),
        lambda: api.post(f"/reservations/{active.public_id}/release", key="k2"),
        lambda: api.post("/ssh-keys", extra, key="k3"),
        lambda: api.delete(f"/ssh-keys/{key.public_id}", **{"Idempotency-Key": "k4"}),
    ]
    for write in writes:
        first = write()
        with nothing_changes():
            again = write()

        assert first.status_code in (200, 201, 204)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "naïve", "tab\t", "nul\x00"])
def test_a_key_is_a_short_word(api, buyer, key):
    with nothing_changes():
        reply = api.send("POST", "/reservations", json.dumps(order(buyer.project)), **{"Idempotency-Key": key})

    assert_problem(reply, 400, "idempotency_key_invalid")


def test_keys_are_kept_for_seven_days(noon, api, buyer):
    body = order(buyer.project)
    first = api.post("/reservations", body, key="k1")

    noon.shift(KEPT_FOR - timedelta(seconds=1))
    within = api.post("/reservations", body, key="k1")
    noon.shift(2)
    after = api.post("/reservations", order(buyer.project, name="other"), key="k1")

    assert within.content == first.content
    assert (after.status_code, after.json()["name"]) == (201, "other")
    assert "Idempotency-Replayed" not in after.headers


def use_keys(buyer, count):
    """Use some new keys for what needs no work."""
    for number in range(count):
        once(project=buyer.project, key=f"new-{number}", fingerprint="", work=lambda: Reply(200, b"{}", {}))


def test_new_keys_forget_many_old_ones_of_anybody(buyer, foreign):
    old = clock.now() - KEPT_FOR
    KeptReply.objects.bulk_create(
        KeptReply(
            project=foreign.project,
            key=f"old-{number}",
            fingerprint="",
            status=200,
            created_at=old - timedelta(seconds=number),
        )
        for number in range(PURGED_AT_ONCE + 3)
    )

    use_keys(buyer, PURGED_EVERY)

    left = KeptReply.objects.filter(project=foreign.project).order_by("pk").values_list("key", flat=True)
    assert list(left) == ["old-0", "old-1", "old-2"], "the oldest go first"
    assert KeptReply.objects.filter(project=buyer.project).count() == PURGED_EVERY < PURGED_AT_ONCE


@pytest.fixture
def shop(transactional_db):
    """Return a scope that can reserve, visible to other connections."""
    return buyer_with_servers()


def send(url, api, body, key):
    """Send a reservation over a real connection and return status, body and whether it was an earlier reply."""
    place = urlsplit(url)
    line = http.client.HTTPConnection(place.hostname, place.port, timeout=racing.PATIENCE_S)
    headers = {
        "Authorization": f"Bearer {api.token}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    line.request("POST", "/api/v1/reservations", json.dumps(body), headers)
    reply = line.getresponse()
    found = reply.status, reply.read(), reply.headers["Idempotency-Replayed"]
    line.close()
    return found


def test_parallel_sends_of_one_key_make_one_reservation_and_equal_replies(shop, live_server):
    api, body = Api.of(shop.project), order(shop.project)

    replies = racing.race(SENDERS, lambda _: send(live_server.url, api, body, "k1"))

    assert {(status, content) for status, content, _ in replies} == {(201, replies[0][1])}
    assert sorted(replayed or "" for _, _, replayed in replies) == [""] + ["true"] * (SENDERS - 1)
    assert Reservation.objects.count() == 1
    assert KeptReply.objects.count() == 1


def test_control_without_waiting_for_their_turn_the_sends_get_different_replies(shop, live_server, monkeypatch):
    api, body = Api.of(shop.project), order(shop.project)
    looked = threading.Barrier(SENDERS)
    look = idempotency.kept_reply

    def look_together(project, key):
        found = look(project, key)
        looked.wait(racing.PATIENCE_S)
        return found

    monkeypatch.setattr(idempotency, "wait_for_turn", lambda project, key: None)
    monkeypatch.setattr(idempotency, "kept_reply", look_together)

    replies = racing.race(SENDERS, lambda _: send(live_server.url, api, body, "k1"))

    statuses = sorted(status for status, _, _ in replies)
    assert statuses[0] == 201
    assert statuses.count(201) == 1
    assert set(statuses[1:]) == {422}, "the name was taken by the twin"


def test_a_first_request_that_does_not_end_is_told_of(shop, monkeypatch):
    monkeypatch.setattr(idempotency, "LOCK_WAIT_MS", 200)
    api, body = Api.of(shop.project), order(shop.project)
    done = threading.Event()
    taken = threading.Event()

    def first():
        with transaction.atomic():
            idempotency.wait_for_turn(shop.project, "k1")
            taken.set()
            done.wait(racing.PATIENCE_S)

    runner = racing.Runner(first)
    assert taken.wait(racing.PATIENCE_S)
    with nothing_changes():
        reply = api.post("/reservations", body, key="k1")
        other = api.post("/reservations?dry_run=true", body, key="k2")
    done.set()
    runner.result()

    assert_problem(reply, 409, "idempotency_in_progress")
    assert reply.headers["Retry-After"] == "2"
    assert other.status_code == 200
    assert api.post("/reservations", body, key="k1").status_code == 201


def test_the_wait_for_the_turn_bounds_no_later_lock(shop):
    with transaction.atomic():
        idempotency.wait_for_turn(shop.project, "k1")
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone()[0] == "0"


def test_who_never_got_the_reply_gets_it_on_asking_again(shop, live_server):
    api, body = Api.of(shop.project), order(shop.project)
    raw = json.dumps(body).encode()
    place = urlsplit(live_server.url)
    with socket.create_connection((place.hostname, place.port)) as line:
        head = (
            f"POST /api/v1/reservations HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {api.token}\r\n"
            f"Content-Type: application/json\r\nIdempotency-Key: k1\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        line.sendall(head.encode() + raw)
        await_true(KeptReply.objects.filter(key="k1").exists)

    status, content, replayed = send(live_server.url, api, body, "k1")

    assert (status, replayed) == (201, "true")
    assert json.loads(content)["id"] == Reservation.objects.get().public_id
