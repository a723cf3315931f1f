"""Work that is the victim of a deadlock is done again; what it meets and cannot settle is settled outside of it."""

import threading

import pytest
from django.db import OperationalError, connection, transaction

from portal.core.locks import lock_row
from portal.core.repeating import ATTEMPTS, aside, repeatable, repeated
from portal.fleet.models import Server
from tests import factories
from tests.racing import PATIENCE_S, Runner

pytestmark = pytest.mark.django_db(transaction=True)


def crossing():
    """Return two pieces of work that lock two rows in opposite orders, and meet in between the first time."""
    rows, line = factories.servers(2, with_bmc=False), threading.Barrier(2)

    def work(first, second):
        met = []

        def once():
            with transaction.atomic():
                lock_row(Server, first.pk)
                if not met:
                    met.append(True)
                    line.wait(PATIENCE_S)
                lock_row(Server, second.pk)
                Server.objects.filter(pk=first.pk).update(serial=f"{first.pk} before {second.pk}")

        return once

    return work(*rows), work(*reversed(rows))


def test_both_of_two_that_deadlock_get_their_work_done():
    runners = [Runner(repeated, work) for work in crossing()]

    assert [runner.result() for runner in runners] == [None, None]
    assert Server.objects.filter(serial__contains=" before ").count() == 2


def test_control_without_being_repeated_one_of_them_is_lost():
    runners = [Runner(work) for work in crossing()]

    outcomes = [runner.result() for runner in runners]
    assert sorted(type(outcome) for outcome in outcomes if outcome is not None) == [OperationalError]
    assert Server.objects.filter(serial__contains=" before ").count() == 1


def deadlock():
    with connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'as if' USING ERRCODE = 'deadlock_detected'; END $$")


def test_one_that_only_meets_deadlocks_gives_up_and_says_so():
    begun = []

    def work():
        begun.append(True)
        deadlock()

    with pytest.raises(OperationalError, match="as if"):
        repeated(work)
    assert len(begun) == ATTEMPTS


def test_what_another_try_does_not_help_is_not_tried_again():
    begun = []

    def work():
        begun.append(True)
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'query_canceled'; END $$")

    with pytest.raises(OperationalError, match="no"):
        repeated(work)
    assert begun == [True]


def in_a_transaction(seen, name="step"):
    """Return work that writes, then needs a step, and a step that tells what it sees of the writing."""
    server = factories.server(with_bmc=False)

    def step():
        seen.append((connection.in_atomic_block, Server.objects.get(pk=server.pk).serial == "written"))
        return True

    def work():
        with transaction.atomic():
            Server.objects.filter(pk=server.pk).update(serial="written")
            return aside(name, step), aside(name, step)

    return server, work


def test_a_step_aside_is_done_once_outside_of_the_transaction_and_after_it_is_rolled_back():
    seen = []
    server, work = in_a_transaction(seen)

    assert repeated(work) == (True, True)
    assert seen == [(False, False)]
    server.refresh_from_db()
    assert server.serial == "written"


def test_a_transaction_that_nobody_repeats_does_the_step_in_place():
    seen = []
    _, work = in_a_transaction(seen)

    assert work() == (True, True)
    assert seen == [(True, True)] * 2


def test_a_rehearsal_does_its_steps_in_place_and_is_done_again_too():
    seen, begun = [], []
    server, work = in_a_transaction(seen)

    def rehearse():
        with transaction.atomic():
            work()
            begun.append(True)
            if len(begun) == 1:
                deadlock()
            transaction.set_rollback(True)

    repeated(rehearse, is_rehearsal=True)
    assert seen == [(True, True)] * 4
    assert len(begun) == 2
    serial = server.serial
    server.refresh_from_db()
    assert server.serial == serial


def test_a_step_that_meets_a_deadlock_is_done_again():
    done = []

    def step():
        done.append(True)
        if len(done) == 1:
            deadlock()
        return True

    def work():
        with transaction.atomic():
            return aside("step", step)

    assert repeated(work) is True
    assert len(done) == 2


def test_what_work_raises_is_raised_and_the_next_work_begins_with_nothing_settled():
    def failing():
        with transaction.atomic():
            aside("step", lambda: True)
            raise ValueError("as it is")

    with pytest.raises(ValueError, match="as it is"):
        repeated(failing)
    seen = []
    assert repeated(in_a_transaction(seen)[1]) == (True, True)
    assert len(seen) == 1


def test_a_service_is_repeated_only_by_who_opens_the_transaction():
    begun = []

    @repeatable
    def service():
        begun.append(True)
        deadlock()

    with pytest.raises(OperationalError), transaction.atomic():
        service()
    assert len(begun) == 1
    with pytest.raises(OperationalError):
        service()
    assert len(begun) == 1 + ATTEMPTS
