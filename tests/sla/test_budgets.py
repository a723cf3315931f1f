"""Error budgets: what is left of 30 days, and how fast it burns."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.core import mail

from portal.audit.models import AuditEvent
from portal.core.actors import SYSTEM
from portal.sla.burning import Level, budget_of
from portal.sla.definitions import Condition
from portal.sla.measuring import Segment
from portal.sla.models import ErrorBudget
from portal.sla.services.budgets import work_out_budgets
from portal.sla.spans import Span
from portal.tenancy.staff import StaffRole
from tests import staff
from tests.sla import world
from tests.sla.world import DAY, JANUARY

NOW = 30 * 86_400
SERVED = [Span(0, NOW)] * 10


def failing(*spans, condition=Condition.DOWN, excluded=""):
    return [Segment(Span(NOW - since, NOW - until), condition, (), excluded) for since, until in spans]


def budget(segments, target="99.5", weight="0.5"):
    return budget_of(Decimal(target), Decimal(weight), SERVED, segments, NOW)


def test_a_quiet_month_leaves_all_of_it():
    assert budget([]).left == 100
    assert budget([]).level == Level.QUIET


def test_what_is_lost_is_a_part_of_what_may_be():
    # 10 servers, 30 days, 0.5 %: 36 hours.
    found = budget(failing((40 * 3600 + 86_400 * 5, 86_400 * 5)))

    assert found.left.quantize(Decimal("0.01")) == Decimal("-11.11")
    assert found.burns == (0, 0, 0)


@pytest.mark.parametrize(
    "since, level", [(2592, Level.PAGE), (2591, Level.QUIET)], ids=["14.4 times in an hour", "a little less"]
)
def test_an_hour_that_burns_fast_pages(since, level):
    # One of 10 servers for 2,592 s is 7.2 % of an hour: 14.4 times 0.5 %.
    assert budget(failing((since, 0))).level == level


def test_degraded_time_counts_by_its_weight_and_excluded_time_not_at_all():
    half = budget(failing((3000, 0), condition=Condition.DEGRADED))

    assert abs(half.burns[0] * 2 - budget(failing((3000, 0))).burns[0]) < Decimal("1e-20")
    assert budget(failing((3000, 0), excluded="tenant")).burns[0] == 0
    assert budget(failing((10, 0)), target="100").level == Level.PAGE


@pytest.mark.django_db
def test_staff_are_told_once_that_a_budget_burns(django_capture_on_commit_callbacks):
    person = staff.person(StaffRole.OPERATIONS)
    world.tier()
    made = world.handed_over()
    now = JANUARY + 5 * DAY
    world.seen(world.server_of(made), Condition.DOWN, now - timedelta(minutes=30), now)

    with time_machine.travel(now, tick=False), django_capture_on_commit_callbacks(execute=True):
        work_out_budgets(actor=SYSTEM)
        (row,) = work_out_budgets(actor=SYSTEM)

    assert (row.level, row.burn_hour) == ("page", Decimal(100))
    assert [(one.subject, one.to) for one in mail.outbox] == [("Error budget (page): Standard v1", [person.email])]
    assert AuditEvent.objects.filter(verb="error_budget.burns").count() == 1
    with time_machine.travel(now + 4 * DAY, tick=False):
        work_out_budgets(actor=SYSTEM)
    assert ErrorBudget.objects.get().level == "quiet"
    page = staff.browser(StaffRole.OPERATIONS).get("/admin/").content.decode()
    assert "Error budgets" in page
