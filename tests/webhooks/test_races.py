"""Two sweeps at once send no message twice; without the lease they would."""

import pytest
from django.db import transaction

from portal.core.actors import SYSTEM
from portal.webhooks.services import delivering
from portal.webhooks.services.announcing import ping
from portal.webhooks.services.delivering import claim_due, due_messages
from tests import factories
from tests.racing import race
from tests.webhooks.receiving import endpoint

pytestmark = pytest.mark.django_db(transaction=True)
SWEEPS = 4


@pytest.fixture
def waiting():
    """Return how many messages are due, of several endpoints."""
    scope = factories.scope()
    for number in range(12):
        hook, _ = endpoint(scope, f"https://example.com/{number}")
        ping(scope=scope, actor=scope.actor, endpoint=hook)
    return 12


def test_what_one_sweep_claims_no_other_does(waiting):
    found = race(SWEEPS, lambda _: [item.pk for item in claim_due(actor=SYSTEM)])
    claimed = sorted(pk for of_one in found for pk in of_one)

    assert len(claimed) == len(set(claimed)) == waiting
    assert claim_due(actor=SYSTEM) == []


def test_control_without_locks_they_all_take_the_same(waiting):
    def take(_):
        with transaction.atomic():
            return [row.pk for row in due_messages()[: delivering.AT_ONCE]]

    claimed = [pk for of_one in race(SWEEPS, take) for pk in of_one]
    assert len(claimed) == SWEEPS * waiting
