"""Fifty at once for the last of a limit: one gets it. The control takes the lock away and shows the loss."""

import threading
from datetime import timedelta

import pytest
from django.db import transaction

from portal.core import clock
from portal.core.errors import QuotaExceeded
from portal.core.periods import Period
from portal.quotas.selectors import quotas_for
from portal.reservations import quota_check
from portal.reservations.models import Reservation
from portal.reservations.quota_check import check_quotas
from tests import factories
from tests.racing import PATIENCE_S, kinds, race
from tests.reservations.calendars import bare_reservation

# One after the other: each race alone takes a quarter of the connections that the database has.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("fifty at once")]
RACERS = 50
LIMIT = 4


@pytest.fixture
def period():
    # From a full hour on: what goes over the end of a month takes from the hours of two.
    start = (clock.now() + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    return Period(start, start + timedelta(hours=1))


@pytest.fixture
def stage(period):
    """Return an act of the race: a project of the organization books one server, of which LIMIT - 1 are taken."""
    first = factories.project()
    projects = [first, factories.project(first.organization)]
    image = factories.image()
    pool = {"server_type": factories.server_type(), "region": factories.region()}

    def book(number):
        own = {"project": projects[number % 2], **pool}
        with transaction.atomic():
            check_quotas(count=1, period=period, **own)
            return bare_reservation(name=f"racer-{number}", image=image, period=period.as_range(), **own)

    bare_reservation(project=first, period=period.as_range(), count=LIMIT - 1, image=image)
    return first, book


@pytest.mark.parametrize(
    "limits",
    [
        [{"limit": LIMIT}],
        [{"limit": 1000, "gpu_hours_per_month": LIMIT * 8}],
        [{"limit": LIMIT}, {"limit": 1000, "of_project": True}],
    ],
    ids=["servers", "hours", "with a limit of the project"],
)
def test_the_last_of_a_limit_is_given_to_one(stage, period, limits):
    project, book = stage
    for number, fields in enumerate(limits):
        own = {"project": project} if number else {}
        factories.quota(project.organization, **{name: fields[name] for name in fields if name != "of_project"}, **own)

    outcomes = race(RACERS, book)

    assert kinds(outcomes) == {Reservation: 1, QuotaExceeded: RACERS - 1}
    assert Reservation.objects.count() == 2


def test_control_without_the_lock_all_get_it(stage, monkeypatch):
    project, book = stage
    factories.quota(project.organization, LIMIT)
    looked, real = threading.Barrier(RACERS), quota_check._checks

    def checks(quotas, demand):
        found = list(real(quotas, demand))
        looked.wait(PATIENCE_S)
        return found

    monkeypatch.setattr(quota_check, "quotas_for", lambda *who, lock: quotas_for(*who))
    monkeypatch.setattr(quota_check, "_checks", checks)
    outcomes = race(RACERS, book)

    assert kinds(outcomes) == {Reservation: RACERS}
