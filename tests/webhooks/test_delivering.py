"""Messages to a real receiver: signed as the library of Standard Webhooks accepts it, once, or again by the table."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.tenancy.roles import Role
from portal.webhooks.models import Attempt, Message
from portal.webhooks.services.announcing import announce, ping
from portal.webhooks.services.delivering import KEPT_FOR, Outcome, claim_due, forget_messages, note_attempt
from portal.webhooks.services.endpoints import change_endpoint, rotate_secret
from portal.webhooks.states import EndpointState
from portal.webhooks.tries import WAITS
from provisioning.webhooks import deliver_webhooks
from tests import factories
from tests.webhooks.receiving import endpoint, fresh, verified

pytestmark = pytest.mark.django_db

BEGIN = datetime(2031, 5, 1, tzinfo=UTC)
HOSTILE = {
    "id": "inc_1",
    "title": "<script>alert(1)</script>\r\nwebhook-id: x\x00\u2028 {{ 7*7 }} '; DROP TABLE x; -- \U0001f600",
}


def say(scope, event_type="incident.opened", data=None):
    return announce(actor=SYSTEM, event_type=event_type, data=data or {"id": "inc_1"}, projects=[scope.project])


def test_the_table_is_that_of_standard_webhooks():
    assert [wait.total_seconds() for wait in WAITS] == [
        0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400,
    ]  # fmt: skip
    assert sum(WAITS, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)


@pytest.mark.parametrize("data", [{"id": "inc_1", "title": "A fan"}, HOSTILE])
def test_a_message_comes_once_and_verifies(scope, receiver, data):
    _hook, secret = endpoint(scope, receiver.url())
    assert say(scope, data=data) == 1

    assert deliver_webhooks() == 1
    assert deliver_webhooks() == 0

    ((path, headers, body),) = receiver.got
    told = verified(receiver.got[0], secret)
    message = Message.objects.get()
    assert (path, headers["Content-Type"], headers["Host"]) == (
        "/hooks?a=b",
        "application/json",
        f"127.0.0.1:{receiver.server_port}",
    )
    assert told == {"type": "incident.opened", "timestamp": told["timestamp"], "data": data}
    assert (headers["webhook-id"], body.decode()) == (message.public_id, message.payload)
    assert (message.standing, message.tries, message.next_try_at) == ("delivered", 1, None)
    assert [(one.status, one.error) for one in Attempt.objects.all()] == [(204, "")]
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 44).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)


def test_an_answer_is_kept_as_text_that_can_be_shown(scope, receiver):
    receiver.status, receiver.answer = 500, b"\x00\x1b[31m<b>" + b"\xff" * 3000
    endpoint(scope, receiver.url())
    say(scope)
    deliver_webhooks()

    kept = Attempt.objects.get()
    assert kept.answer.startswith("[31m<b>")
    assert kept.answer.isprintable()
    assert len(kept.answer) == 500


def test_a_receiver_that_is_down_is_tried_by_the_table_and_told_once_when_it_is_back(scope, receiver):
    _, secret = endpoint(scope, receiver.url())
    receiver.status = 503
    with time_machine.travel(BEGIN, tick=False) as hand:
        say(scope)
        now = BEGIN
        for number, wait in enumerate(WAITS[:-1]):
            if number:
                hand.move_to(now + wait - timedelta(seconds=1))
                assert deliver_webhooks() == 0
            now += wait
            hand.move_to(now)
            assert deliver_webhooks() == 1
        receiver.status = 200
        hand.move_to(now + WAITS[-1])
        assert deliver_webhooks() == 1
        hand.shift(timedelta(days=30))
        assert deliver_webhooks() == 0

    message = Message.objects.get()
    assert (message.standing, message.tries) == ("delivered", len(WAITS))
    assert {headers["webhook-id"] for _, headers, _ in receiver.got} == {message.public_id}
    assert len({headers["webhook-signature"] for _, headers, _ in receiver.got}) == len(WAITS)
    last = datetime.fromtimestamp(int(receiver.got[-1][1]["webhook-timestamp"]), UTC)
    assert last - BEGIN == sum(WAITS, timedelta())
    assert receiver.got[-1][1]["webhook-signature"] == Webhook(secret).sign(
        message.public_id, last, receiver.got[-1][2].decode()
    )


def test_after_the_last_try_it_is_given_up(scope, receiver):
    endpoint(scope, receiver.url())
    receiver.status = 503
    say(scope)
    Message.objects.update(tries=len(WAITS) - 1)
    deliver_webhooks()

    assert (Message.objects.get().standing, Message.objects.get().next_try_at) == ("failed", None)


@pytest.mark.parametrize("took_another", [True, False])
def test_who_took_nothing_for_all_tries_is_disabled_and_its_owners_are_told(
    scope, receiver, took_another, django_capture_on_commit_callbacks
):
    hook, _ = endpoint(scope, receiver.url())
    factories.member(scope.organization, Role.VIEWER)
    if took_another:
        say(scope)
        deliver_webhooks()
    receiver.status = 503
    say(scope)
    Message.objects.filter(delivered_at=None).update(tries=len(WAITS) - 2, next_try_at=clock.now())
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            deliver_webhooks()
        assert fresh(hook).is_enabled or Message.objects.latest("pk").tries == len(WAITS)
        Message.objects.filter(next_try_at__isnull=False).update(next_try_at=clock.now())

    assert fresh(hook).is_enabled == took_another
    told = [(one.subject, one.to) for one in mail.outbox]
    owner = scope.organization.memberships.get(role=Role.OWNER).user.email
    assert told == ([] if took_another else [(f"A webhook of {scope.project} is disabled", [owner])])


def test_a_tenant_that_disables_its_endpoint_gets_no_mail(scope, django_capture_on_commit_callbacks):
    hook, _ = endpoint(scope)
    with django_capture_on_commit_callbacks(execute=True):
        change_endpoint(scope=scope, actor=scope.actor, endpoint=hook, state="disabled")
    assert (fresh(hook).is_enabled, mail.outbox) == (False, [])


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 500])
def test_what_is_no_2xx_is_a_failure_and_redirects_are_not_followed(scope, receiver, status):
    receiver.status, receiver.headers = status, {"Location": receiver.url(path="/else")}
    endpoint(scope, receiver.url())
    say(scope)
    deliver_webhooks()

    assert [path for path, _, _ in receiver.got] == ["/hooks?a=b"]
    assert (Message.objects.get().standing, Attempt.objects.get().status) == ("waiting", status)


def test_gone_disables_the_endpoint_and_gives_up_what_waits(scope, receiver):
    receiver.status = 410
    hook, _ = endpoint(scope, receiver.url())
    for _ in range(3):
        say(scope)
    deliver_webhooks()

    row = fresh(hook)
    assert (row.state, row.state_reason) == (EndpointState.DISABLED, "it answered 410 Gone")
    assert not Message.objects.filter(next_try_at__isnull=False).exists()
    assert say(scope) == 0


def test_for_a_day_after_a_rotation_both_secrets_verify(scope, receiver):
    hook, old = endpoint(scope, receiver.url())
    _, new = rotate_secret(scope=scope, actor=scope.actor, endpoint=hook)
    say(scope)
    deliver_webhooks()
    with time_machine.travel(fresh(hook).former_until, tick=False):
        say(scope)
        deliver_webhooks()

    first, second = receiver.got
    assert verified(first, old) == verified(first, new)
    assert [len(headers["webhook-signature"].split(" ")) for _, headers, _ in receiver.got] == [2, 1]
    at = datetime.fromtimestamp(int(second[1]["webhook-timestamp"]), UTC)
    assert second[1]["webhook-signature"] == Webhook(new).sign(second[1]["webhook-id"], at, second[2].decode())


def test_who_was_late_changes_nothing_but_the_log(scope):
    _hook, _ = endpoint(scope)
    say(scope)
    (late,) = claim_due(actor=SYSTEM)
    Message.objects.update(leased_until=None)
    (mine,) = claim_due(actor=SYSTEM)
    note_attempt(actor=SYSTEM, claimed=late, outcome=Outcome(10, error="No answer."))
    assert Message.objects.get().tries == 0
    note_attempt(actor=SYSTEM, claimed=mine, outcome=Outcome(10, status=200))

    assert (Message.objects.get().standing, Attempt.objects.count()) == ("delivered", 2)


def test_an_endpoint_that_hangs_leaves_room_for_others(scope):
    slow, _ = endpoint(scope, "https://slow.example.com/")
    for _ in range(20):
        say(scope)
    quick, _ = endpoint(scope, "https://quick.example.com/")
    ping(scope=scope, actor=scope.actor, endpoint=quick)

    assert sorted(item.url for item in claim_due(actor=SYSTEM)) == [quick.url, slow.url, slow.url]


def test_old_messages_that_are_over_are_forgotten(scope):
    endpoint(scope)
    say(scope)
    assert forget_messages(actor=SYSTEM) == 0
    Message.objects.update(created_at=BEGIN - KEPT_FOR - timedelta(days=9000))
    assert forget_messages(actor=SYSTEM) == 0
    Message.objects.update(next_try_at=None)
    forget_messages(actor=SYSTEM)
    assert not Message.objects.exists()


def test_what_is_too_long_is_cut_to_its_id(scope):
    endpoint(scope)
    say(scope, data={"id": "inc_1", "text": "\U0001f600" * 4000})

    payload = Message.objects.get().payload
    assert json.loads(payload)["data"] == {"id": "inc_1", "is_cut": True}
