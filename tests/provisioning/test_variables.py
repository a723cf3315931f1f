"""Tenant text reaches Ansible in fixed names, tagged unsafe, and in no other way."""

import json

import pytest

from portal.core import secrets
from portal.operations.models import Operation, OperationServer
from provisioning.inventory import inventory_of
from provisioning.variables import HostVars, host_vars, port_vars, unsafe
from tests import factories, networks

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

    networks.port(part.server)

    known = host_vars(part, "http://x") | port_vars(part, None)

    assert set(known) == set(HostVars.__annotations__)


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


def test_a_switch_is_told_of_networks_in_our_own_words(part):
    network = networks.tenant_network(factories.project(name=HOSTILE))
    port = networks.port(part.server, "Ethernet1/1")

    inside = inventory_of([part], {}, {part.pk: network})["all"]["hosts"][part.server.public_id]
    outside = inventory_of([part], {}, {part.pk: None})["all"]["hosts"][part.server.public_id]

    assert inside["port_network"] == {"kind": "tenant", "vlan_id": 101, "name": "t-101"}
    assert (outside["port_network"], outside["switch_port"]) == (None, "Ethernet1/1")
    assert (inside["switch_name"], inside["switch_password"]) == (port.switch.name, unsafe("switch secret"))
    assert HOSTILE not in json.dumps(inside)


def test_only_runs_that_move_ports_know_of_switches(part):
    networks.port(part.server)

    assert not [name for name in host_vars(part) if "switch" in name or "port_" in name]


def test_hosts_are_named_by_public_id_and_get_their_boot_address(part):
    hosts = inventory_of([part], {part.pk: "http://portal/boot/1"})["all"]["hosts"]

    assert list(hosts) == [part.server.public_id]
    assert hosts[part.server.public_id]["boot_uri"] == "http://portal/boot/1"
    assert hosts[part.server.public_id]["bmc_password"] == unsafe("secret")
