"""Long polls, with a clock that goes on by sleeping alone."""

import pytest

from portal.api import waiting
from portal.core.actors import SYSTEM
from portal.operations.models import Operation, OperationEvent
from portal.operations.services import claims
from portal.operations.services.events import tell
from portal.operations.services.queue import cancel_operation

LIMIT_S = 30
STEPS = int(LIMIT_S / waiting.STEP_S)


class Clock:
    """What the wait knows of time. ``at`` says what happens in the world during which sleep."""

    def __init__(self):
        self.now, self.slept, self.at = 0.0, 0, {}

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.slept += 1
        self.at.get(self.slept, lambda: None)()


@pytest.fixture
def hand(monkeypatch):
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    return made


def test_news_that_is_there_is_not_waited_for(hand):
    waiting.wait_until(lambda: True, LIMIT_S)

    assert hand.slept == 0


def test_without_news_the_wait_ends_with_its_time(hand):
    waiting.wait_until(lambda: False, 1.75)

    assert (hand.now, hand.slept) == (1.75, 4)


def test_news_ends_the_wait(hand):
    waiting.wait_until(lambda: hand.slept == 7, LIMIT_S)

    assert hand.slept == 7


def test_only_so_many_wait_and_the_others_are_answered_at_once(hand, settings):
    def fill(places):
        """Wait in a request of its own, during whose first sleep the next one begins to wait."""
        depth.append(places)
        hand.at[hand.slept + 1] = lambda: fill(places - 1) if places else deepest()
        waiting.wait_until(lambda: bool(found), LIMIT_S)

    def deepest():
        before = hand.slept
        waiting.wait_until(lambda: False, LIMIT_S)
        found.append(hand.slept - before)

    depth, found = [], []
    fill(settings.METALYARD_LONG_POLLS - 1)

    assert len(depth) == settings.METALYARD_LONG_POLLS
    assert found == [0]


def test_a_wait_that_fails_gives_its_place_back(hand, settings):
    def fail_later():
        if hand.slept == 1:
            raise RuntimeError("the database went away")
        return False

    for _ in range(settings.METALYARD_LONG_POLLS + 1):
        hand.slept = 0
        with pytest.raises(RuntimeError):
            waiting.wait_until(fail_later, LIMIT_S)
        assert hand.slept == 1


def test_an_event_that_happens_meanwhile_is_answered(hand, api, starting):
    last = OperationEvent.objects.latest("pk").public_id
    hand.at[3] = lambda: tell(actor=SYSTEM, subject=starting.public_id, event_type="operation.requeued")

    found = api.get(f"/reservations/{starting.public_id}/events", {"after": last, "wait": LIMIT_S}).json()["data"]

    assert [event["type"] for event in found] == ["operation.requeued"]
    assert hand.slept == 3


def test_no_event_is_no_refusal(hand, api, starting):
    last = OperationEvent.objects.latest("pk").public_id
    address = f"/reservations/{starting.public_id}/events"

    assert api.get(address, {"after": last, "wait": LIMIT_S}).json() == {"data": [], "next_cursor": None}
    assert hand.slept == STEPS
    assert len(api.get(address, {"wait": LIMIT_S}).json()["data"]) == 2
    assert hand.slept == STEPS, "what has happened already is told at once"


@pytest.fixture
def operation(noon, starting):
    return Operation.objects.get()


def test_an_operation_is_answered_when_it_changes(hand, api, operation):
    hand.at[5] = lambda: claims.take(operation_pk=operation.pk, worker="w1")

    found = api.get(f"/operations/{operation.public_id}", {"wait": LIMIT_S}).json()

    assert (found["state"], hand.slept) == ("running", 5)


def test_an_operation_that_does_not_change_is_answered_in_the_end(hand, api, operation):
    address = f"/operations/{operation.public_id}"
    tag = api.get(address).headers["ETag"]

    assert api.get(address, {"wait": LIMIT_S}).json()["state"] == "queued"
    assert hand.slept == STEPS
    assert api.get(address, {"wait": LIMIT_S}, **{"If-None-Match": tag}).status_code == 304
    assert hand.slept == 2 * STEPS


def test_an_operation_that_has_changed_since_is_answered_at_once(hand, api, operation):
    address = f"/operations/{operation.public_id}"
    tag = api.get(address).headers["ETag"]
    claims.take(operation_pk=operation.pk, worker="w1")

    found = api.get(address, {"wait": LIMIT_S}, **{"If-None-Match": tag})

    assert (found.status_code, found.json()["state"], hand.slept) == (200, "running", 0)


def test_an_operation_that_is_over_is_not_waited_for(hand, api, operation):
    cancel_operation(actor=SYSTEM, operation=operation, reason="test")
    address = f"/operations/{operation.public_id}"
    tag = api.get(address).headers["ETag"]

    assert api.get(address, {"wait": LIMIT_S}).json()["state"] == "cancelled"
    assert api.get(address, {"wait": LIMIT_S}, **{"If-None-Match": tag}).status_code == 304
    assert hand.slept == 0
