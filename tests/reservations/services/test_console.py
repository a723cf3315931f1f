"""Looking on, and taking turns at reading: every second at most, one at a time, never before or after the hand-over."""

from datetime import timedelta

import pytest
from celery import current_app
from kombu.exceptions import OperationalError

from portal.reservations.models import Allocation, ConsoleChunk, ConsoleCursor
from portal.reservations.services.console import LEAST_GAP, READ_TASK, WANTED_FOR, keep_output, take_turn, want_console
from tests import factories, hands
from tests.api.world import nothing_changes
from tests.racing import race

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def sent(monkeypatch):
    """Return the list of what is sent to the broker about consoles."""
    messages = []

    def note(name, **more):
        if name == READ_TASK:
            messages.append(more)

    monkeypatch.setattr(current_app, "send_task", note)
    return messages


@pytest.fixture
def held():
    factories.server()
    return hands.active().allocations.get()


def booked():
    factories.server()
    return Allocation.objects.get(reservation=factories.reservation(starts_at=None))


def keep(turn, position, text="x\n"):
    return keep_output(turn=turn, position=position, older=0, text=text)


def test_who_looks_on_has_a_worker_sent_for_once_a_second(noon, held, sent):
    assert want_console(allocation=held)
    assert not want_console(allocation=held)
    noon.shift(LEAST_GAP - timedelta(milliseconds=1))
    assert not want_console(allocation=held)
    assert len(sent) == 1

    noon.shift(timedelta(milliseconds=1))
    assert want_console(allocation=held)
    assert (sent[-1]["args"], sent[-1]["expires"]) == ([held.pk], 10)


def test_a_crowd_has_one_worker_sent_for(held, sent):
    assert sorted(race(4, lambda _: want_console(allocation=held))) == [False, False, False, True]
    assert len(sent) == 1


def test_without_a_broker_the_page_is_shown_all_the_same(held, monkeypatch, caplog):
    def away(*_args, **_kwargs):
        raise OperationalError("away")

    monkeypatch.setattr(current_app, "send_task", away)

    assert want_console(allocation=held)
    assert "broker not reached" in caplog.text


def test_nobody_is_sent_for_where_the_server_is_not_handed_over(sent):
    waiting = booked()

    with nothing_changes():
        assert not want_console(allocation=waiting)
        assert take_turn(allocation_pk=waiting.pk) is None
        assert take_turn(allocation_pk=0) is None
    assert sent == []


def test_a_turn_is_taken_by_one_and_again_after_a_second(noon, held):
    turn = take_turn(allocation_pk=held.pk)
    assert (turn.position, turn.allocation.server.bmc.username) == (None, "admin")
    assert take_turn(allocation_pk=held.pk) is None

    noon.shift(LEAST_GAP)
    assert take_turn(allocation_pk=held.pk)


def test_of_a_crowd_one_takes_the_turn(held):
    turns = race(4, lambda _: take_turn(allocation_pk=held.pk))

    assert len([turn for turn in turns if turn]) == 1


def test_a_turn_for_who_looks_on_is_only_there_while_somebody_does(noon, held, sent):
    assert take_turn(allocation_pk=held.pk, only_wanted=True) is None
    want_console(allocation=held)
    noon.shift(WANTED_FOR)
    assert take_turn(allocation_pk=held.pk, only_wanted=True) is None

    want_console(allocation=held)
    assert take_turn(allocation_pk=held.pk, only_wanted=True)


def test_of_two_that_have_read_the_same_the_second_keeps_nothing(noon, held):
    first = take_turn(allocation_pk=held.pk)
    noon.shift(LEAST_GAP)
    second = take_turn(allocation_pk=held.pk)

    assert keep(first, 3)
    with nothing_changes():
        assert not keep(second, 3)
    assert held.console_chunks.get().size == 2
    assert not keep(first, 9)


def test_of_a_crowd_that_has_read_the_same_one_keeps_it(held):
    turn = take_turn(allocation_pk=held.pk)

    assert sorted(race(4, lambda _: keep(turn, 1))) == [False, False, False, True]
    assert ConsoleChunk.objects.count() == 1


def test_nothing_new_leaves_no_row(held):
    assert keep(take_turn(allocation_pk=held.pk), 7, text="")

    assert (ConsoleChunk.objects.count(), ConsoleCursor.objects.get().position) == (0, 7)


def test_what_is_read_is_not_kept_once_the_server_is_being_taken_back(held):
    turn = take_turn(allocation_pk=held.pk)
    Allocation.objects.update(state="cleaning")

    with nothing_changes():
        assert not keep(turn, 3)
