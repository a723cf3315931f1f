"""The arithmetic of quotas: months are whole and lie side by side, and a peak is what one instant sees."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.periods import Period, peak
from portal.reservations.quota_check import look_at_quotas, months_of, shared
from tests import factories
from tests.reservations.calendars import bare_reservation, undone

START = datetime(2029, 11, 1, tzinfo=UTC)
instants = st.integers(0, 120 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
periods = st.tuples(instants, instants).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: Period(*sorted(pair)))


@given(periods)
def test_the_months_of_a_period_cover_it_and_no_more(period):
    months = months_of(period)

    assert months[0].contains(period.start)
    assert months[-1].contains(period.end - timedelta(microseconds=1))
    assert [month.end for month in months[:-1]] == [month.start for month in months[1:]]
    for month in months:
        assert (month.start.day, month.start.time()) == (1, datetime.min.time())
        assert timedelta(days=28) <= month.duration <= timedelta(days=31)
        assert month.overlaps(period)


@given(periods)
def test_the_parts_of_a_period_in_its_months_are_the_period(period):
    assert sum((shared(period, month) for month in months_of(period)), timedelta()) == period.duration


@given(periods, periods)
def test_what_two_periods_share_is_the_same_from_both_sides(one, other):
    assert shared(one, other) == shared(other, one) <= min(one.duration, other.duration)
    assert (shared(one, other) > timedelta(0)) == one.overlaps(other)


def test_a_month_ends_where_the_next_begins_also_over_the_year_and_a_leap_day():
    assert [f"{month.start:%Y-%m-%d} {month.end:%m-%d}" for month in months_of(Period(*bounds(2027, 12, 2028, 3)))] == [
        "2027-12-01 01-01",
        "2028-01-01 02-01",
        "2028-02-01 03-01",
    ]


def bounds(year, month, last_year, last_month):
    return datetime(year, month, 1, tzinfo=UTC), datetime(last_year, last_month, 1, tzinfo=UTC)


@pytest.mark.django_db
@given(st.lists(st.tuples(periods, st.integers(1, 9)), max_size=6), periods, st.integers(1, 9))
def test_what_is_used_is_what_an_oracle_counts(taken, wanted, count):
    """The oracle looks at every instant at which something begins, and at every month's own sum."""
    with undone():
        project = factories.project()
        factories.quota(project.organization, 10**6, gpu_hours_per_month=10**9)
        for period, servers in taken:
            bare_reservation(project=project, period=period.as_range(), count=servers)

        at_once, *by_month = look_at_quotas(
            project=project,
            server_type=factories.server_type(),
            region=factories.region(),
            count=count,
            period=wanted,
        )

    begins = [wanted.start, *(period.start for period, _ in taken if wanted.contains(period.start))]
    seen = [sum(servers for period, servers in taken if period.contains(moment)) for moment in begins]
    assert at_once.used == max(seen) <= peak(taken)
    assert [check.month for check in by_month] == [f"{month.start:%Y-%m}" for month in months_of(wanted)]
    for month, check in zip(months_of(wanted), by_month, strict=True):
        # Whole minutes times 8 GPUs: thirds of hours are shown rounded up.
        minutes = sum(shared(period, month) // timedelta(minutes=1) * servers * 8 for period, servers in taken)
        assert 0 <= check.used - Decimal(minutes) / 60 < Decimal("0.01")
