"""Servers as their tenants see them."""

from portal.operations.models import Operation
from portal.operations.states import PartState
from portal.reservations.models import Allocation
from tests import factories, networks
from tests.api.client import assert_problem


def shape(allocation, **told):
    """Return the document of a server that is handed over; ``told`` is what differs."""
    server = allocation.server
    return {
        "id": server.public_id,
        "reservation": allocation.reservation.public_id,
        "hostname": allocation.hostname,
        "server_type": "h100x8",
        "region": "eu-north-1",
        "fabric": "A",
        "rack": server.rack.name,
        "rack_unit": server.rack_unit,
        "state": "in_use",
        "state_reason": "",
        "health": "healthy",
        "operation": None,
        "addresses": [{"purpose": "login", "address": server.ssh_host}],
        "network": None,
        "ssh_host": server.ssh_host,
        "ssh_port": 2222,
        "ssh_user": "ubuntu",
        "host_keys": [factories.HOST_KEY],
        "rescue_since": None,
        "ready_at": "2030-01-15T12:00:00Z",
        **told,
    }


UNTOLD = {"addresses": [], "ssh_host": None, "ssh_port": None, "ssh_user": None, "host_keys": [], "rescue_since": None}


def test_while_they_are_handed_over_they_tell_how_to_log_in(noon, api, active):
    allocations = list(Allocation.objects.order_by("position"))
    Operation.objects.get().parts.update(state=PartState.SUCCEEDED)
    expected = {"data": [shape(item) for item in allocations], "next_cursor": None}

    assert api.get(f"/reservations/{active.public_id}/servers").json() == expected
    assert api.get("/servers").json() == expected
    assert api.get(f"/servers/{allocations[1].server.public_id}").json() == expected["data"][1]


def test_their_network_is_told_while_they_are_in_it_and_handed_over(api, active):
    first, second = Allocation.objects.order_by("position")
    network = networks.tenant_network(active.project)
    networks.port(first.server)
    networks.put(first.server, network)
    networks.port(second.server)
    networks.put(second.server, networks.providers()["provisioning"])

    def told():
        found = api.get(f"/reservations/{active.public_id}/servers").json()["data"]
        return [server["network"] for server in found]

    assert told() == [{"vlan_id": 101, "partition_key": "0x0001", "fabric": "A"}, None]
    api.post(f"/reservations/{active.public_id}/release")
    assert told() == [None, None]


def test_before_and_after_they_do_not(noon, api, active):
    api.post(f"/reservations/{active.public_id}/release")
    release = Operation.objects.latest("pk").public_id
    told = {"state": "releasing", "state_reason": "released by API token ci", "health": "unknown"}
    expected = [shape(item, **UNTOLD, **told, operation=release) for item in Allocation.objects.order_by("position")]

    assert api.get(f"/reservations/{active.public_id}/servers").json()["data"] == expected


def test_a_server_that_is_only_reserved_is_not_held_yet(noon, api, scheduled):
    item = Allocation.objects.order_by("position").first()

    first = api.get(f"/reservations/{scheduled.public_id}/servers").json()["data"][0]

    assert first == shape(item, **UNTOLD, state="reserved", health="unknown", ready_at=None)
    assert api.get("/servers").json()["data"] == []
    assert_problem(api.get(f"/servers/{item.server.public_id}"), 404, "not_found")


def test_the_servers_of_others_are_not_there(api, active, foreign):
    theirs = factories.hand_over(factories.reservation(foreign, starts_at=None))
    server = Allocation.objects.get(reservation=theirs).server

    assert len(api.get("/servers").json()["data"]) == 2
    assert_problem(api.get(f"/servers/{server.public_id}"), 404, "not_found")
    assert_problem(api.get(f"/reservations/{theirs.public_id}/servers"), 404, "not_found")
