"""Time drives the life of a reservation: prepared before its start, its end announced, taken back at its end."""

import pytest

from tests.end_to_end import client

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900), pytest.mark.long, pytest.mark.xdist_group("product")]


def test_a_later_start_is_prepared_announced_and_ended_by_the_clock(stack, later_start):
    client.wait_for(stack, later_start, "ended", limit_s=500)
    kinds = [event["type"] for event in client.events(stack, later_start) if event["type"].startswith("reservation.")]
    began, active, ending, starts_at, ends_at = stack.rows(
        "select min(e.created_at) filter (where e.type = 'reservation.provisioning'),"
        "       min(e.created_at) filter (where e.type = 'reservation.active'),"
        "       min(e.created_at) filter (where e.type = 'reservation.ending'),"
        "       lower(r.period), upper(r.period)"
        " from reservations_reservation r join operations_operationevent e on e.subject = r.public_id"
        " where r.public_id = %s group by r.period",
        later_start,
    )[0]

    assert kinds == [
        "reservation.confirmed",
        "reservation.provisioning",
        "reservation.active",
        "reservation.ending_soon",
        "reservation.ending",
        "reservation.ended",
    ]
    assert began < starts_at
    assert began < active
    assert ending >= ends_at
