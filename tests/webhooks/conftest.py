"""A receiver that this machine's portal may post to, which no production portal may."""

import pytest

from portal.launcher import tls
from tests import factories
from tests.webhooks import receiving


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return tls.ensure(tmp_path_factory.mktemp("receiver") / "tls", "127.0.0.1")


@pytest.fixture
def receiver(certificates, settings):
    settings.METALYARD_WEBHOOK_NETWORKS = ["127.0.0.1/32"]
    settings.METALYARD_WEBHOOK_CA_FILE = str(certificates.ca)
    with receiving.running(certificates) as running:
        yield running


@pytest.fixture
def scope():
    return factories.scope()
