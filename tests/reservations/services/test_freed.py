"""Waking the waiting list: after the commit, once for each queue that servers became free for."""

import pytest
from django.db import transaction

from portal.core import clock
from portal.reservations.services.freed import wake_waiting_list
from portal.reservations.services.lifecycle import cancel
from portal.reservations.services.waitlist import offer_waiting
from tests import factories
from tests.reservations.wishes import DAY, enter, fill, state_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("noon")]


@pytest.fixture
def woken(monkeypatch):
    """Return the list of what is sent to the broker."""
    sent = []
    monkeypatch.setattr("celery.current_app.send_task", lambda name, args, **_: sent.append((name, args)))
    return sent


@pytest.fixture
def queue(woken):
    """Return the server type and the region of a queue in which somebody waits."""
    entry = factories.waitlist_entry()
    return entry.server_type_id, entry.region_id


@pytest.fixture
def elsewhere(queue):
    """Return the same of another queue."""
    entry = factories.waitlist_entry(server_type=factories.server_type("l40s"))
    return entry.server_type_id, entry.region_id


def message(queue):
    return ("provisioning.offer_waiting", list(queue))


def undone(act):
    """Do it in a block that is rolled back."""
    with transaction.atomic():
        act()
        transaction.set_rollback(True)


def test_freed_servers_wake_the_queue_once_they_are_free(woken):
    factories.server()
    scope, taken = fill(clock.now() + 3 * DAY)
    entry = enter(latest=clock.now() + DAY)
    sent = message((entry.server_type_id, entry.region_id))
    assert woken == [sent]
    assert offer_waiting() == 0

    cancel(scope=scope, actor=scope.actor, reservation=taken)

    assert woken == [sent, sent]
    assert offer_waiting(*sent[1]) == 1
    assert state_of(entry) == "offered"


def test_where_nobody_waits_nobody_is_woken(woken):
    factories.server()
    scope, taken = fill(clock.now() + 3 * DAY)

    cancel(scope=scope, actor=scope.actor, reservation=taken)

    assert woken == []


def test_a_broker_that_is_away_costs_a_sweep(monkeypatch, caplog):
    def away(*args, **kwargs):
        raise OSError("no broker")

    monkeypatch.setattr("celery.current_app.send_task", away)

    entry = enter()

    assert entry.state == "waiting"
    assert "the sweep will look at the waiting list: no broker" in caplog.text


def test_several_servers_of_a_transaction_wake_each_queue_once(woken, queue, elsewhere):
    with transaction.atomic():
        wake_waiting_list(*queue)
        wake_waiting_list(*elsewhere)
        for _ in range(3):
            with transaction.atomic():
                wake_waiting_list(*queue)
        wake_waiting_list(*queue)
        assert woken == []

    assert woken == [message(queue), message(elsewhere)]


def test_each_transaction_wakes_the_queue_anew(woken, queue):
    for _ in range(2):
        with transaction.atomic():
            wake_waiting_list(*queue)
    wake_waiting_list(*queue)
    undone(lambda: wake_waiting_list(*queue))

    assert woken == [message(queue)] * 3


def test_what_was_undone_in_a_transaction_keeps_nobody_from_waking_the_queue_later(woken, queue, elsewhere):
    with transaction.atomic():
        wake_waiting_list(*elsewhere)
        undone(lambda: wake_waiting_list(*queue))
        with transaction.atomic():
            wake_waiting_list(*queue)

    assert woken == [message(elsewhere), message(queue)]


def test_what_was_asked_before_is_not_undone_with_what_is_asked_again(woken, queue):
    with transaction.atomic():
        wake_waiting_list(*queue)
        undone(lambda: wake_waiting_list(*queue))

    assert woken == [message(queue)]


def test_a_block_that_is_through_is_undone_with_the_one_around_it(woken, queue):
    def block():
        with transaction.atomic():
            wake_waiting_list(*queue)
        wake_waiting_list(*queue)

    with transaction.atomic():
        undone(block)

    assert woken == []
    with transaction.atomic():
        undone(block)
        wake_waiting_list(*queue)

    assert woken == [message(queue)]
