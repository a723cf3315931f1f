"""When a reservation ends or ended."""

import re
from datetime import timedelta

import pytest
from time_machine import travel

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.reservations.models import Reservation
from portal.reservations.services import lifecycle
from portal.web.endings import rows_of
from tests import factories
from tests.web.conftest import take_back


def end(reservation):
    (row,) = rows_of([Reservation.objects.get(pk=reservation.pk)])
    return row.end


@pytest.fixture
def released(active, buyer):
    """Return a reservation released an hour after it was handed over, and when that was."""
    at = clock.now() + timedelta(hours=1)
    with travel(at, tick=False):
        lifecycle.release(scope=buyer, actor=buyer.actor, reservation=active)
    active.refresh_from_db()
    return active, at


def test_an_active_one_says_how_long_it_still_is(active):
    assert (end(active).label, end(active).at) == ("Ends", active.span.end)
    assert re.fullmatch(r"(1 d|23 h 5\d min) left", end(active).note)


def test_one_that_was_released_ended_when_that_was_asked_for_not_when_the_disks_were_clean(released):
    reservation, at = released
    while_erasing = end(reservation)
    with travel(at + timedelta(minutes=20), tick=False):
        take_back(reservation)

    assert reservation.state == "ended"
    assert (while_erasing.label, while_erasing.at, while_erasing.is_early) == ("Ended early", at, True)
    assert end(reservation) == while_erasing
    assert while_erasing.note.startswith("planned: ")


def test_one_whose_time_was_over_ended_as_planned_however_late_the_sweep_was(active):
    with travel(active.span.end + timedelta(seconds=9), tick=False):
        lifecycle.end_due(actor=SYSTEM, reservation=active)

    assert (end(active).label, end(active).at, end(active).is_early) == ("Ended at", active.span.end, False)


def test_one_that_is_cancelled_before_it_began_keeps_its_planned_end(buyer):
    later = factories.reservation(buyer)
    assert end(later).note == "after 1 d"

    lifecycle.cancel(scope=buyer, actor=buyer.actor, reservation=later)

    assert (end(later).label, end(later).at, end(later).note) == ("Ends", later.span.end, "")


def test_pages_say_it(web, released):
    reservation, at = released
    address = f"/reservations/{reservation.public_id}"

    ending = web.get(address).content.decode()
    listed = web.get("/reservations").content.decode()
    with travel(at + timedelta(minutes=20), tick=False):
        take_back(reservation)
        ended = web.get(address).content.decode()

    moment = f'<time datetime="{clock.as_rfc3339(at)}">'
    assert f"<dt>Ended early</dt><dd>{moment}" in ending
    assert f"<dt>Ended early</dt><dd>{moment}" in ended
    assert "/GPU·h, by the cancellation terms" in ended
    assert "It ended early, " in ended
    assert moment in listed
    assert "early; planned: " in listed
