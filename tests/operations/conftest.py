"""Fixtures of the operations' tests."""

import pytest

from portal.core.actors import SYSTEM
from portal.operations.services import claims
from portal.operations.services.queue import queue_operation
from portal.operations.states import OperationKind
from tests import factories
from tests.reservations.conftest import noon

__all__ = ["noon"]


@pytest.fixture
def operation():
    """Return a deployment of two servers that waits for a worker."""
    return queue_operation(
        actor=SYSTEM,
        kind=OperationKind.DEPLOY,
        subject="res_1",
        project=factories.project(),
        image=factories.image(),
        ssh_keys=[factories.KEY],
        servers=[(server, f"train-{number:02d}") for number, server in enumerate(factories.servers(2), 1)],
    )


@pytest.fixture
def claim(operation):
    """Return a worker's claim on the deployment."""
    return claims.take(operation_pk=operation.pk, worker="w1")
