"""Reading a serial console over HTTP."""

import pytest

from portal.reservations.models import Allocation, ConsoleChunk, ConsoleCursor
from tests import factories
from tests.api.client import assert_problem


@pytest.fixture
def held(active):
    return active.allocations.order_by("position").first()


def write(held, *texts):
    return [ConsoleChunk.objects.create(allocation=held, text=text, size=len(text)) for text in texts]


def address_of(held):
    return f"/reservations/{held.reservation.public_id}/servers/{held.server.public_id}/console"


def test_output_comes_in_order_and_in_pages(noon, api, held):
    first, second, third = write(held, "\x1b[1mLinux\x1b[0m\n", "<b>\n", "login:\n")

    page = api.get(address_of(held), {"limit": 2}).json()

    assert page["data"] == [
        {"id": first.public_id, "at": "2030-01-15T12:00:00Z", "text": "\x1b[1mLinux\x1b[0m\n"},
        {"id": second.public_id, "at": "2030-01-15T12:00:00Z", "text": "<b>\n"},
    ]
    rest = api.get(address_of(held), {"cursor": page["next_cursor"]}).json()
    assert ([item["id"] for item in rest["data"]], rest["next_cursor"]) == ([third.public_id], None)


def test_one_reads_on_from_what_one_knows(api, held):
    first, second = write(held, "1\n", "2\n")

    after = api.get(address_of(held), {"after": first.public_id}).json()["data"]

    assert [item["text"] for item in after] == ["2\n"]
    assert api.get(address_of(held), {"after": second.public_id}).json()["data"] == []


def test_asking_has_the_console_read(noon, api, held):
    api.get(address_of(held))

    assert ConsoleCursor.objects.get().allocation == held


def test_only_output_of_this_server_can_be_read_on_from(api, held):
    sibling = write(Allocation.objects.exclude(pk=held.pk).get(), "theirs\n")[0]

    for after in (sibling.public_id, "con_x", "x" * 500):
        assert assert_problem(api.get(address_of(held), {"after": after}), 422, "invalid_input") == {
            "/after": "unknown"
        }
    assert ConsoleCursor.objects.count() == 0


def test_the_consoles_of_others_are_not_there(api, held, foreign):
    theirs = factories.hand_over(factories.reservation(foreign, starts_at=None)).allocations.get()
    write(theirs, "secret\n")

    for reservation, server in ((theirs, theirs), (held, theirs), (theirs, held)):
        reply = api.get(f"/reservations/{reservation.reservation.public_id}/servers/{server.server.public_id}/console")
        assert_problem(reply, 404, "not_found")
    assert ConsoleCursor.objects.count() == 0
