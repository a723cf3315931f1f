"""Limits held against the calendar: what counts, what does not, and to which month."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from portal.core.errors import QuotaExceeded
from portal.core.periods import Period
from portal.operations.models import OperationEvent
from portal.quotas.models import Quota
from portal.reservations.quota_check import check_quotas, look_at_quotas, use_of
from portal.reservations.states import LIVE, ReservationState
from tests import factories
from tests.api.world import nothing_changes
from tests.reservations.calendars import bare_reservation

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
NEW_YEAR = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def noon():
    """Stop the clock in the middle of December."""
    with time_machine.travel(datetime(2029, 12, 15, 12, tzinfo=UTC), tick=False) as hand:
        yield hand


@pytest.fixture
def project(db):
    return factories.project()


def around(hours_before, hours_after):
    """Return the period that reaches from so many hours before the new year to so many hours after."""
    return Period(NEW_YEAR - hours_before * HOUR, NEW_YEAR + hours_after * HOUR)


def booked(project, period, count=1, **kwargs):
    return bare_reservation(project=project, period=period.as_range(), count=count, **kwargs)


def wish(project, period, count=1, **kwargs):
    return {
        "project": project,
        "server_type": factories.server_type(),
        "region": factories.region(),
        "count": count,
        "period": period,
        **kwargs,
    }


def refusal_of(wanted):
    """Return what the refusal of a demand carries, and make sure that it changed nothing."""
    with nothing_changes(), pytest.raises(QuotaExceeded) as refused, transaction.atomic():
        check_quotas(**wanted)
    return refused.value.extra


def servers(limit, used, requested, scope="organization"):
    return {"limit": limit, "used": used, "requested": requested, "scope": scope, "measure": "servers"}


def hours(limit, used, requested, month, scope="organization"):
    numbers = {"limit": limit, "used": used, "requested": requested}
    return {**numbers, "scope": scope, "measure": "gpu_hours", "month": month}


def passes(wanted):
    with transaction.atomic():
        check_quotas(**wanted)
    return all(check.passes for check in look_at_quotas(**wanted))


def test_without_a_limit_for_the_organization_nothing_may_be_held(project):
    period = around(1, 0)
    factories.quota(project.organization, 9, project=project)

    assert refusal_of(wish(project, period)) == servers(0, 0, 1)


def test_the_organizations_limit_counts_all_projects_and_the_projects_its_own(project):
    sister = factories.project(project.organization)
    factories.quota(project.organization, 6)
    factories.quota(project.organization, 3, project=project)
    booked(project, around(2, 0), 2)
    booked(sister, around(2, 0), 2)

    assert passes(wish(project, around(1, 0), 1))
    assert refusal_of(wish(project, around(1, 0), 2)) == servers(3, 2, 2, "project")
    assert refusal_of(wish(project, around(1, 0), 3)) == servers(6, 4, 3)
    assert passes(wish(sister, around(1, 0), 2))
    assert refusal_of(wish(sister, around(1, 0), 3)) == servers(6, 4, 3)


def test_the_refusal_says_whose_limit_it_is_and_the_way_out(project):
    factories.quota(project.organization, 1)
    factories.quota(project.organization, 0, project=project)

    with pytest.raises(QuotaExceeded) as refused, transaction.atomic():
        check_quotas(**wish(project, around(1, 0)))

    assert refused.value.detail == (
        f"{project.name} may hold 0 x 8 x H100 in eu-north-1 at once and holds 0 in this period; 1 more do not fit. "
        "Choose fewer or another period, or ask for more quota."
    )


def test_other_pools_and_other_organizations_do_not_count(project):
    factories.quota(project.organization, 1)
    booked(project, around(1, 0), 5, server_type=factories.server_type("b200"))
    booked(project, around(1, 0), 5, region=factories.region("south"))
    booked(factories.project(), around(1, 0), 5)

    assert passes(wish(project, around(1, 0), 1))


@pytest.mark.parametrize("state", sorted(ReservationState))
def test_servers_count_while_a_reservation_lives(project, state):
    factories.quota(project.organization, 3)
    booked(project, around(1, 0), 3, state=state)

    if state in LIVE:
        assert refusal_of(wish(project, around(1, 0))) == servers(3, 3, 1)
    else:
        assert passes(wish(project, around(1, 0), 3))


def test_the_most_at_one_instant_counts_and_periods_that_touch_do_not_add_up(project):
    factories.quota(project.organization, 5)
    booked(project, around(4, -2), 3)
    booked(project, around(2, 0), 4)

    assert passes(wish(project, around(3, -1), 1))
    assert refusal_of(wish(project, around(3, -1), 2)) == servers(5, 4, 2)
    assert passes(wish(project, around(0, 1), 5))


def test_hours_count_in_the_calendar_month_in_which_they_lie(project):
    factories.quota(project.organization, 99, gpu_hours_per_month=80)
    booked(project, around(4, 2), 2)

    # 8 GPUs a server: 64 hours of December and 32 of January are booked.
    assert passes(wish(project, around(2, 6)))
    assert refusal_of(wish(project, around(3, 6))) == hours(80, "64.00", "24.00", "2029-12")
    assert refusal_of(wish(project, around(2, 7))) == hours(80, "32.00", "56.00", "2030-01")
    assert passes(wish(project, around(-1, 4), 2))


def test_hours_of_the_project_and_of_the_organization_count_apart(project):
    sister = factories.project(project.organization)
    factories.quota(project.organization, 99, gpu_hours_per_month=100)
    factories.quota(project.organization, 99, project=project, gpu_hours_per_month=40)
    booked(sister, around(7, 0))

    assert passes(wish(project, around(5, 0)))
    assert refusal_of(wish(project, around(6, 0))) == hours(100, "56.00", "48.00", "2029-12")
    assert refusal_of(wish(project, around(0, 6))) == hours(40, "0.00", "48.00", "2030-01", "project")


def test_a_limit_is_exact_to_the_microsecond_and_shown_rounded_up(project):
    factories.quota(project.organization, 99, gpu_hours_per_month=8)
    one_hour = around(1, 0)
    longer = Period(one_hour.start - timedelta(microseconds=1), one_hour.end)

    assert passes(wish(project, one_hour))
    assert refusal_of(wish(project, longer)) == hours(8, "0.00", "8.01", "2029-12")


def test_of_what_is_over_that_counts_which_was_used(project):
    factories.quota(project.organization, 99, gpu_hours_per_month=80)
    early = booked(project, around(10, 0), state="ended", handed_over_at=NEW_YEAR - 9 * HOUR)
    OperationEvent.objects.create(
        subject=early.public_id, type="reservation.ending", created_at=NEW_YEAR - 5 * HOUR, message=""
    )
    booked(project, around(20, 0), state="cancelled")
    booked(project, around(20, 0), state="failed")

    [_, used] = look_at_quotas(**wish(project, around(6, 0)))

    assert (used.used, used.requested, used.passes) == (Decimal("32.00"), Decimal("48.00"), True)
    assert refusal_of(wish(project, around(7, 0))) == hours(80, "32.00", "56.00", "2029-12")


def test_committed_capacity_counts_against_nothing(project):
    factories.quota(project.organization, 2, gpu_hours_per_month=16)
    booked(project, around(9, 0), 50, is_committed=True)
    booked(project, around(9, 0), 50, is_committed=True, state="ended", handed_over_at=NEW_YEAR - 9 * HOUR)

    assert passes(wish(project, around(1, 0), 2))
    [use] = use_of(Quota.objects.all())
    assert use.servers == 0


@pytest.mark.parametrize("state", [ReservationState.HELD, ReservationState.ACTIVE])
def test_what_is_changed_or_confirmed_counts_once(project, state):
    factories.quota(project.organization, 3, gpu_hours_per_month=3 * 8 * 4)
    factories.quota(project.organization, 3, project=project, gpu_hours_per_month=3 * 8 * 4)
    mine = booked(project, around(3, 0), 3, state=state)

    assert passes(wish(project, around(3, 0), 3, beside=mine))
    assert passes(wish(project, around(4, 4), 3, beside=mine))
    assert refusal_of(wish(project, around(3, 0), 4, beside=mine)) == servers(3, 0, 4)
    assert refusal_of(wish(project, around(5, 0), 3, beside=mine)) == hours(96, "0.00", "120.00", "2029-12")
    assert refusal_of(wish(project, around(3, 0), 3)) == servers(3, 3, 3)


def test_looking_names_every_limit_and_month_without_locks(project):
    factories.quota(project.organization, 2, gpu_hours_per_month=10)
    factories.quota(project.organization, 1, project=project)

    with CaptureQueriesContext(connection) as queries:
        found = look_at_quotas(**wish(project, around(1, 1), 2))

    assert [(check.scope, check.measure, check.month, check.passes) for check in found] == [
        ("organization", "servers", "", True),
        ("organization", "gpu_hours", "2029-12", False),
        ("organization", "gpu_hours", "2030-01", False),
        ("project", "servers", "", False),
    ]
    assert "FOR NO KEY UPDATE" not in " ".join(query["sql"] for query in queries)


def test_the_limits_are_locked_in_pk_order_before_anything_is_counted(project):
    factories.quota(project.organization, 5, project=project)
    factories.quota(project.organization, 5)
    wanted = wish(project, around(1, 0))

    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        check_quotas(**wanted)

    first, second = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    assert first.endswith('ORDER BY "quotas_quota"."id" ASC FOR NO KEY UPDATE OF "quotas_quota"')
    assert 'FROM "reservations_reservation"' in second


def test_as_many_statements_for_many_reservations_as_for_few(project):
    factories.quota(project.organization, 10_000, gpu_hours_per_month=100_000)
    wanted = wish(project, around(1, 1))
    asked = []
    for _ in range(2):
        booked(project, around(2, 2), state="ended", handed_over_at=NEW_YEAR - HOUR)
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            check_quotas(**wanted)
            use_of(Quota.objects.select_related("server_type"))
        asked.append(len(queries))
        for _ in range(10):
            booked(project, around(2, 2))
            booked(project, around(2, 2), state="ended", handed_over_at=NEW_YEAR - HOUR)

    assert asked[0] == asked[1] <= 9


def test_the_use_of_limits_now(noon, project):
    sister = factories.project(project.organization)
    whole = factories.quota(project.organization, 9, gpu_hours_per_month=1000)
    own = factories.quota(project.organization, 4, project=project)
    other = factories.quota(factories.organization(), 4)
    now = datetime(2029, 12, 15, 12, tzinfo=UTC)
    booked(project, Period(now - HOUR, now + HOUR), 2)
    booked(sister, Period(now, now + HOUR), 3)
    booked(sister, Period(now - HOUR, now), 5)
    booked(project, around(1, 5))

    found = [(use.quota, use.servers, use.gpu_hours, use.month) for use in use_of([other, own, whole])]

    assert found == [
        (other, 0, Decimal("0.00"), "2029-12"),
        (own, 2, Decimal("40.00"), "2029-12"),
        (whole, 5, Decimal("104.00"), "2029-12"),
    ]
