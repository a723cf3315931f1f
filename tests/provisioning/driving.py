"""A deployment of two servers whose controllers are absent, put wherever a test of driving it begins."""

from datetime import timedelta

import certifi
import pytest

from portal.core import clock
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import BootToken, Operation, OperationEvent
from portal.operations.states import PartState
from provisioning.catalogue import CATALOGUE, AwaitStep
from tests import factories


@pytest.fixture
def operation(settings):
    # Moving ports has tests of its own.
    settings.METALYARD_NETWORKS = False
    settings.METALYARD_BMC_TIMEOUT_S = 1
    settings.METALYARD_BMC_CA_FILE = certifi.where()
    factories.servers(2)
    reservation = factories.reservation(starts_at=None, count=2)
    return Operation.objects.get(subject=reservation.public_id)


def awaiting(kind, purpose):
    """Return the index of the step at which an operation waits for the report on a boot."""
    steps = enumerate(CATALOGUE[kind].steps)
    return next(index for index, step in steps if isinstance(step, AwaitStep) and step.purpose == purpose)


IMAGE, FIRST_BOOT = awaiting("deploy", "image"), awaiting("deploy", "first_boot")


def told(operation):
    return list(OperationEvent.objects.filter(subject=operation.subject).values_list("type", flat=True))


def at_step(operation, index, state=PartState.AWAITING):
    """Put every part at a step, as if the steps before had been done."""
    operation.parts.update(step=index, state=state, state_deadline_at=clock.now() + timedelta(hours=1))
    Server.objects.filter(parts__operation=operation).update(state=ServerState.DEPLOYING)


def boot_of(part, purpose, **fields):
    return BootToken.objects.create(
        part=part,
        purpose=purpose,
        token_sha256=f"{part.pk:064d}",
        expires_at=clock.now() + timedelta(hours=1),
        **fields,
    )
