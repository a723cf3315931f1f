"""Two workers measure the same month at once: every credit is written once."""

from contextlib import nullcontext

import pytest
import time_machine
from django.db import IntegrityError

from portal.core.actors import SYSTEM
from portal.sla.models import ServerMonth, SlaCredit
from portal.sla.services import measuring
from tests import racing
from tests.sla import world
from tests.sla.world import DAY, FEBRUARY, JANUARY

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def month():
    with time_machine.travel(FEBRUARY + DAY, tick=True):
        world.tier()
        world.outage(world.server_of(world.handed_over()), JANUARY + 3 * DAY, 180)
        yield JANUARY.date()


def both(month):
    return racing.race(2, lambda _: measuring.measure_month(actor=SYSTEM, month=month))


def test_one_measures_and_the_other_finds_it_done(month):
    assert sorted(both(month)) == [0, 1]
    assert (ServerMonth.objects.count(), SlaCredit.objects.count()) == (1, 1)


def test_control_without_taking_turns_the_database_still_says_no(month, monkeypatch):
    line = racing.threading.Barrier(2)
    monkeypatch.setattr(measuring, "wait_for_turn", lambda _: nullcontext())
    gather = measuring.gather

    def together(*args):
        found = gather(*args)
        line.wait(racing.PATIENCE_S)
        return found

    monkeypatch.setattr(measuring, "gather", together)
    outcomes = both(month)

    assert racing.kinds(outcomes) == {int: 1, IntegrityError: 1}
    assert (ServerMonth.objects.count(), SlaCredit.objects.count()) == (1, 1)
