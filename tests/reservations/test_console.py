"""Whose console output somebody may read, how much of it is shown, and how long it is kept."""

from datetime import timedelta

import pytest

from portal.core.errors import InvalidInput, NotFound
from portal.reservations.console import (
    READ_EVERY,
    chunks_of,
    console_of,
    due_consoles,
    purge_consoles,
    tail_of,
    without_colours,
)
from portal.reservations.models import Allocation, ConsoleChunk, ConsoleCursor
from portal.reservations.models.console import KEPT_FOR
from portal.reservations.services import lifecycle
from portal.reservations.services.console import take_turn
from tests import factories, hands

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def scope():
    factories.servers(3)
    return factories.buyer()


@pytest.fixture
def held(scope):
    return hands.active(scope).allocations.get()


def write(held, *texts):
    return [ConsoleChunk.objects.create(allocation=held, text=text, size=len(text)) for text in texts]


def looked_for(scope, held, server=None):
    return console_of(scope, held.reservation.public_id, (server or held.server).public_id)


def test_a_project_finds_its_own_servers_console_and_no_others(scope, held):
    stranger = factories.buyer()
    other = hands.active(stranger).allocations.get()

    assert looked_for(scope, held) == held
    for asking, what, server in (
        (stranger, held, None),
        (scope, other, None),
        (scope, held, other.server),
        (stranger, other, held.server),
    ):
        with pytest.raises(NotFound):
            looked_for(asking, what, server)


def test_it_is_there_when_the_reservation_is_over(scope, held):
    write(held, "mine\n")
    lifecycle.release(scope=scope, actor=scope.actor, reservation=held.reservation)
    hands.work(held.reservation)

    found = looked_for(scope, held)

    assert (found.state, [chunk.text for chunk in chunks_of(found)]) == ("released", ["mine\n"])


def test_what_was_written_for_another_reservation_on_the_same_server_is_not(scope, held):
    theirs = write(held, "theirs\n")[0]
    lifecycle.release(scope=scope, actor=scope.actor, reservation=held.reservation)
    hands.work(held.reservation)
    Allocation.objects.exclude(pk=held.pk).delete()
    held.server.__class__.objects.exclude(pk=held.server_id).update(state="maintenance")
    other = factories.buyer()
    mine = hands.active(other).allocations.get()
    assert mine.server == held.server

    assert list(chunks_of(looked_for(other, mine))) == tail_of(mine, 100) == []
    with pytest.raises(InvalidInput):
        chunks_of(mine, theirs.public_id)


def test_output_is_read_on_from_what_one_knows(held):
    first, second, third = write(held, "1", "2", "3")

    assert list(chunks_of(held)) == [first, second, third]
    assert list(chunks_of(held, first.public_id)) == [second, third]
    assert list(chunks_of(held, third.public_id)) == []


def test_the_end_is_what_fits_and_the_newest_in_any_case(held):
    chunks = write(held, "a" * 60, "b" * 30, "c" * 20)

    assert tail_of(held, 110) == chunks
    assert tail_of(held, 109) == chunks[1:]
    assert tail_of(held, 1) == chunks[2:]


def test_colours_are_left_out():
    assert without_colours("\x1b[1;31mred\x1b[0m\n") == "red\n"


def test_due_are_those_never_read_then_the_oldest_read_first(noon, scope):
    first, second, third = (hands.active(scope).allocations.get() for _ in range(3))
    assert take_turn(allocation_pk=second.pk)
    noon.shift(SECOND)
    assert take_turn(allocation_pk=first.pk)
    assert list(due_consoles()) == [third]

    noon.shift(READ_EVERY)
    assert list(due_consoles()) == [third, second, first]


def test_output_is_kept_for_30_days(noon, held):
    old, new = write(held, "old")[0], None
    noon.shift(SECOND)
    new = write(held, "new")[0]
    noon.move_to(old.created_at + KEPT_FOR)
    assert timedelta(days=30) == KEPT_FOR
    assert purge_consoles() == 0

    noon.shift(SECOND)
    assert purge_consoles() == 1
    assert list(ConsoleChunk.objects.all()) == [new]


def test_a_purge_takes_a_batch(noon, held, monkeypatch):
    monkeypatch.setattr("portal.reservations.console.PURGED_AT_ONCE", 2)
    write(held, "1", "2", "3")
    noon.shift(KEPT_FOR + SECOND)

    assert [purge_consoles(), purge_consoles(), purge_consoles()] == [2, 1, 0]


def test_a_purge_forgets_how_far_was_read_only_where_it_is_over(scope, held):
    lasting = hands.active(scope).allocations.get()
    take_turn(allocation_pk=held.pk)
    take_turn(allocation_pk=lasting.pk)
    lifecycle.release(scope=scope, actor=scope.actor, reservation=held.reservation)

    purge_consoles()

    assert [cursor.allocation for cursor in ConsoleCursor.objects.all()] == [lasting]
