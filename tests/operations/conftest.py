"""Fixtures of the operations' tests."""

import pytest

from portal.operations.services import claims
from tests import factories, hands
from tests.reservations.conftest import noon

__all__ = ["noon"]


@pytest.fixture
def operation():
    """Return a deployment of two servers that waits for a worker."""
    factories.servers(2)
    return hands.open_operation(factories.reservation(count=2, starts_at=None))


@pytest.fixture
def claim(operation):
    """Return a worker's claim on the deployment."""
    return claims.take(operation_pk=operation.pk, worker="w1")
