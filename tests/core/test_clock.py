"""There is one clock, it is in UTC, and a test can turn it."""

from datetime import UTC, datetime, timedelta, timezone

import time_machine

from portal.core import clock


def test_now_is_in_utc_and_follows_the_one_clock():
    moment = datetime(2030, 3, 31, 2, 30, 15, 250_000, tzinfo=timezone(timedelta(hours=-5)))

    with time_machine.travel(moment, tick=False):
        now = clock.now()

    assert now == moment
    assert now.tzinfo is UTC


def test_rfc3339_is_utc_to_the_second_and_never_rounds_up():
    moment = datetime(2030, 1, 1, 0, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=1)))

    assert clock.as_rfc3339(moment) == "2029-12-31T23:59:59Z"
