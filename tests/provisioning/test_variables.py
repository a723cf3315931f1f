"""Tenant text reaches Ansible in fixed names, tagged unsafe, and in no other way."""

import json

import pytest

from portal.core import secrets
from portal.operations.models import Operation, OperationServer
from provisioning.inventory import inventory_of
from provisioning.variables import HostVars, host_vars, unsafe
from tests import factories

HOSTILE = "{{ lookup('pipe','id') }}"
pytestmark = pytest.mark.django_db


@pytest.fixture
def part():
    factories.server()
    reservation = factories.reservation(starts_at=None, user_data=HOSTILE)
    return OperationServer.objects.get(operation=Operation.objects.get(subject=reservation.public_id))


def test_only_known_names_are_written(part):
    part.verify_key_encrypted = secrets.encrypt("key")
    part.host_keys = [HOSTILE]
    part.server.bmc.next_password_encrypted = secrets.encrypt(HOSTILE)

    assert set(host_vars(part, "http://x")) == set(HostVars.__annotations__)


def test_hostile_text_appears_only_tagged(part):
    part.hostname = HOSTILE
    part.host_keys = [HOSTILE]
    part.server.bmc.next_password_encrypted = secrets.encrypt(HOSTILE)

    found = host_vars(part)

    assert found["tenant_hostname"] == unsafe(HOSTILE)
    assert found["ssh_host_keys"] == [unsafe(HOSTILE)]
    assert found["bmc_next_password"] == unsafe(HOSTILE)
    rest = {key: value for key, value in found.items() if value not in (unsafe(HOSTILE), [unsafe(HOSTILE)])}
    assert "{{" not in json.dumps(rest)


def test_user_data_never_travels_this_way(part):
    assert HOSTILE not in json.dumps(inventory_of([part], {}))


def test_hosts_are_named_by_public_id_and_get_their_boot_address(part):
    hosts = inventory_of([part], {part.pk: "http://portal/boot/1"})["all"]["hosts"]

    assert list(hosts) == [part.server.public_id]
    assert hosts[part.server.public_id]["boot_uri"] == "http://portal/boot/1"
    assert hosts[part.server.public_id]["bmc_password"] == unsafe("secret")
