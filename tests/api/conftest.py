"""Programs with their tokens."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from portal.core import clock
from tests import factories
from tests.api.client import Api


@pytest.fixture
def noon():
    """Stop the clock."""
    with time_machine.travel(datetime(2030, 1, 15, 12, tzinfo=UTC), tick=False) as hand:
        yield hand


@pytest.fixture
def buyer(db):
    """Return a scope that can reserve, in a region with eight free servers."""
    return buyer_with_servers()


def buyer_with_servers():
    """Return a scope that can reserve, in a region with eight free servers."""
    made = factories.buyer()
    factories.servers(8)
    factories.image(slug="ubuntu-24-04")
    return made


@pytest.fixture
def api(buyer):
    """Return a client with an operator's token of the buyer's project."""
    return Api.of(buyer.project)


@pytest.fixture
def foreign(db):
    """Return the scope of another tenant that can reserve too."""
    return factories.buyer()


@pytest.fixture
def scheduled(buyer):
    """Return a reservation of two servers for tomorrow."""
    return factories.reservation(buyer, name="tomorrow", count=2)


@pytest.fixture
def starting(buyer):
    """Return a reservation of two servers that is being prepared."""
    return factories.reservation(buyer, name="now-1", count=2, starts_at=clock.now() + timedelta(seconds=5))


@pytest.fixture
def active(starting):
    """Return a reservation of two servers that are handed over."""
    return factories.hand_over(starting)
