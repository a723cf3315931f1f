"""Rehearsals beside others: done again after a deadlock, and what they settle on their way stays unsettled."""

from datetime import timedelta

import pytest
import time_machine

from portal.core.repeating import ATTEMPTS
from tests import factories
from tests.api.client import Api, assert_problem, order
from tests.api.world import nothing_changes
from tests.deadlocks import in_the_way

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("deadlocks", "status"), [(1, 200), (ATTEMPTS, 503)])
def test_a_rehearsal_that_meets_a_deadlock_is_done_again(deadlocks, status):
    buyer = factories.buyer()
    quote, api = factories.hold(buyer), Api.of(buyer.project)

    with nothing_changes(), in_the_way(quote, deadlocks):
        reply = api.post(f"/quotes/{quote.public_id}/withdraw?dry_run=true")

    assert reply.status_code == status
    if status == 503:
        assert_problem(reply, 503, "unavailable")
        assert reply.headers["Retry-After"]


def test_a_rehearsal_that_meets_a_hold_that_has_run_out_leaves_it_as_it_is():
    buyer = factories.buyer()
    held, api = factories.hold(buyer), Api.of(buyer.project)
    body = order(buyer.project, count=1, image=factories.image().slug)

    with time_machine.travel(held.expires_at + timedelta(seconds=1), tick=False):
        with nothing_changes():
            rehearsed = api.post("/reservations?dry_run=true", body)
        done = api.post("/reservations", body)

    assert (rehearsed.status_code, done.status_code) == (200, 201)
    held.refresh_from_db()
    assert held.state == "expired", "the control: what is not rehearsed settles it"
