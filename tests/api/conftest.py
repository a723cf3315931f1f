"""Programs with their tokens."""

import pytest

from tests import factories
from tests.api.client import Api


@pytest.fixture
def buyer(db):
    """Return a scope that can reserve, in a region with eight free servers."""
    made = factories.buyer()
    factories.servers(8)
    factories.image(slug="ubuntu-24-04")
    return made


@pytest.fixture
def api(buyer):
    """Return a client with an operator's token of the buyer's project."""
    return Api.of(buyer.project)
