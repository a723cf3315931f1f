"""What a savepoint is for is had without one, where all of the transaction can be begun anew."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from portal.core.repeating import repeated, undone
from portal.fleet.models import Server
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


class Anew(Exception):
    """Only a rollback helps."""


class TooLittle(Exception):
    """Said before anything is written."""


@pytest.fixture
def server():
    return factories.server(with_bmc=False, serial="as it was")


def write(server, serial):
    Server.objects.filter(pk=server.pk).update(serial=serial)


def serial_of(server):
    return Server.objects.get(pk=server.pk).serial


def attempts(server, *outcomes):
    """Return work that writes and meets one outcome after the other, and its record of what it found at each begin."""
    found, left = [], list(outcomes)

    def act():
        write(server, "half done")
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def step():
        return undone("step", act, anew=Anew, unwritten=TooLittle)

    def work():
        with transaction.atomic():
            found.append(serial_of(server))
            try:
                return step()
            except Anew:
                found.append(serial_of(server))
                return step()

    return work, found


def savepoints(queries):
    return sum(str(query["sql"]).startswith("SAVEPOINT") for query in queries)


def test_what_succeeds_at_once_takes_no_savepoint(server):
    work, found = attempts(server, "made")

    with CaptureQueriesContext(connection) as asked:
        assert repeated(work) == "made"

    assert savepoints(asked) == 0
    assert (found, serial_of(server)) == (["as it was"], "half done")


def test_control_a_transaction_that_nobody_repeats_takes_one(server):
    work, _ = attempts(server, "made")

    with CaptureQueriesContext(connection) as asked:
        assert work() == "made"

    assert savepoints(asked) == 1


def test_who_cannot_go_on_begins_anew_with_a_savepoint_and_then_goes_on_after_it(server):
    work, found = attempts(server, Anew(), Anew(), "made")

    with CaptureQueriesContext(connection) as asked:
        assert repeated(work) == "made"

    assert found == ["as it was", "as it was", "as it was"], "nothing half done was ever seen"
    assert savepoints(asked) == 2


def test_who_says_it_before_writing_is_heard_in_place(server):
    begun = []

    def refuse():
        raise TooLittle

    def work():
        with transaction.atomic():
            begun.append(True)
            with pytest.raises(TooLittle):
                undone("step", refuse, anew=Anew, unwritten=TooLittle)
            write(server, "went on")

    repeated(work)
    assert begun == [True]
    assert serial_of(server) == "went on"


def test_who_says_it_because_a_statement_failed_begins_anew(server):
    begun = []

    def act():
        try:
            Server.objects.create(pk=server.pk, name=server.name)
        except IntegrityError as error:
            raise TooLittle from error

    def work():
        with transaction.atomic():
            begun.append(True)
            with pytest.raises(TooLittle):
                undone("step", act, anew=Anew, unwritten=TooLittle)
            write(server, "went on")

    repeated(work)
    assert begun == [True, True]
    assert serial_of(server) == "went on"


def test_after_anything_else_nobody_can_go_on(server):
    def act():
        write(server, "half done")
        raise ValueError("else")

    def careless():
        with transaction.atomic():
            with pytest.raises(ValueError, match="else"):
                undone("step", act, anew=Anew, unwritten=TooLittle)
            write(server, "went on")

    with pytest.raises(TransactionManagementError):
        repeated(careless)
    assert serial_of(server) == "as it was"
