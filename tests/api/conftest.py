"""Programs with their tokens."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from portal.catalog.models import PriceBook
from portal.core import clock
from tests import factories, thawing
from tests.api.client import Api, order


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
    return factories.reservation(buyer, name="now-1", count=2, starts_at=clock.now() + factories.SOON)


@pytest.fixture
def active(starting):
    """Return a reservation of two servers that are handed over."""
    return factories.hand_over(starting)


@pytest.fixture
def wish(buyer):
    """Return the body of a quote for two servers for tomorrow."""
    fields = ("server_type", "region", "count", "starts_at", "ends_at")
    return {name: value for name, value in order(buyer.project).items() if name in fields}


@pytest.fixture
def acceptance(buyer):
    """Return the body that accepts a quote."""
    return {name: value for name, value in order(buyer.project).items() if name in ("name", "image", "ssh_keys")}


@pytest.fixture
def fixed_terms(buyer):
    """Let calling off cost 25 % with a day of notice, and all with less; free with ten days."""
    thawing.cancellation(PriceBook.objects.get(), (240, 0), (24, 25))


@pytest.fixture
def booked(noon, fixed_terms, buyer):
    """Return a reservation of two servers for two days, from the day after tomorrow on, by fixed terms."""
    begin = clock.now() + timedelta(days=2)
    return factories.reservation(buyer, name="train", count=2, starts_at=begin, ends_at=begin + timedelta(days=2))
