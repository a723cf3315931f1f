"""The emulated switches as the network sees them, and what a machine reaches from where its port is."""

from __future__ import annotations

import json
import ssl
from dataclasses import replace

import asyncssh
import httpx
import pytest

from provisioning.simulator.agent import NO_ROUTE
from provisioning.simulator.faults import Fault, Faults
from provisioning.simulator.fleet import Fleet, Spec
from provisioning.simulator.journal import Journal, Record
from provisioning.simulator.machine import Machine
from provisioning.simulator.switch import Switches
from tests.provisioning.simulator.emulator import entry, running, until, uuid_of, write_fleet
from tests.provisioning.simulator.machines import console, install

LEAF, SPINE = ({"name": name, "user": f"{name}-user", "password": f"{name}-word"} for name in ("leaf-1", "leaf-2"))
PROVISIONING, CLEANING, TENANT = 20, 30, 101
PORT = "/switch/v1/leaf-1/ports/Ethernet1%2F1"
MOVED = {"switch": "leaf-1", "port": "Ethernet1/1", "server": "srv-1"}


@pytest.fixture
def emulated(tmp_path, demo_tls):
    """The running fleet of two, one on each switch; gives (its folder, its address)."""
    servers = [entry(1, switch="leaf-1", port="Ethernet1/1"), entry(2, switch="leaf-2", port="Ethernet1/1")]
    files = {"cert": demo_tls.certificate, "key": demo_tls.key}
    port = write_fleet(tmp_path, servers, **files, switches=[LEAF, SPINE], agent_vlans=[PROVISIONING, CLEANING])
    with running(tmp_path):
        yield tmp_path, f"https://127.0.0.1:{port}"


@pytest.fixture
def client(emulated, demo_tls):
    context = ssl.create_default_context(cafile=demo_tls.ca)
    login = (LEAF["user"], LEAF["password"])
    with httpx.Client(base_url=emulated[1], auth=login, verify=context, trust_env=False, timeout=60) as client:
        yield client


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_port_is_moved_read_back_and_noted_in_one_order_with_what_bmcs_are_told(emulated, client):
    before = client.get(PORT).json()
    reset = f"/redfish/v1/Systems/{uuid_of(1)}/Actions/ComputerSystem.Reset"

    answers = [
        client.put(PORT, json={"vlan_id": TENANT}, headers={"X-Metalyard-Epoch": "7"}),
        client.post(reset, json={"ResetType": "ForceOff"}, auth=("user1", "password-1")),
        client.put(PORT, json={"vlan_id": None}),
    ]

    assert before == {"vlan_id": None}
    assert [answer.status_code for answer in answers] == [200, 204, 200]
    assert client.get(PORT).json() == {"vlan_id": None}
    moves = lines(emulated[0] / "switch.log")
    assert [{name: move[name] for name in ("seq", "from", "to", "epoch")} for move in moves] == [
        {"seq": 1, "from": None, "to": TENANT, "epoch": "7"},
        {"seq": 3, "from": TENANT, "to": None, "epoch": None},
    ]
    assert [MOVED.items() <= move.items() for move in moves] == [True, True]
    assert [line["seq"] for line in lines(emulated[0] / "bmc.log")] == [2]


@pytest.mark.parametrize(
    "login", [None, ("leaf-2-user", "leaf-2-word"), ("leaf-1-user", "leaf-2-word"), ("user1", "password-1"), ("", "")]
)
def test_a_switch_takes_its_own_login_only(emulated, client, demo_tls, login):
    context = ssl.create_default_context(cafile=demo_tls.ca)
    with httpx.Client(base_url=emulated[1], auth=login, verify=context, trust_env=False, timeout=60) as stranger:
        answers = [stranger.get(PORT), stranger.put(PORT, json={"vlan_id": TENANT})]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert client.get(PORT).json() == {"vlan_id": None}
    assert lines(emulated[0] / "switch.log") == []


@pytest.mark.parametrize(
    "body", [{}, [], {"vlan_id": 1}, {"vlan_id": 4095}, {"vlan_id": "20"}, {"vlan_id": True}, {"vlan_id": 20, "x": 1}]
)
def test_what_is_no_network_is_refused_and_nothing_is_moved(emulated, client, body):
    answer = client.put(PORT, json=body)

    assert (answer.status_code, answer.json()["error"][:18]) == (400, "send vlan_id alone")
    assert client.get(PORT).json() == {"vlan_id": None}
    assert lines(emulated[0] / "switch.log") == []


def test_there_are_no_other_ports(client):
    assert client.get("/switch/v1/leaf-1/ports/Ethernet9").status_code == 404
    assert client.put("/switch/v1/leaf-1/ports/Ethernet9", json={"vlan_id": 20}).status_code == 404
    assert client.get("/switch/v1/leaf-9/ports/Ethernet1").status_code == 401
    assert client.delete(PORT).status_code == 405


def test_switches_can_refuse_and_lie(emulated, client):
    faults = Faults(emulated[0] / "faults")

    faults.plant("srv-1", Fault.SWITCH_REFUSES)
    refused = client.put(PORT, json={"vlan_id": TENANT})
    faults.plant("srv-1", Fault.PORT_STUCK)
    lied = client.put(PORT, json={"vlan_id": TENANT})

    assert (refused.status_code, lied.status_code) == (503, 200)
    assert client.get(PORT).json() == {"vlan_id": None}
    assert lines(emulated[0] / "switch.log") == []


@pytest.fixture
def switches(tmp_path, spec):
    """The switches of one machine, which is on one; `switches.put(vlan)` moves its port."""
    plugged = replace(spec, switch="leaf-1", port="Ethernet1/1")
    fleet = Fleet("", 0, tmp_path, tmp_path, None, [plugged], agent_vlans=frozenset({PROVISIONING, CLEANING}))

    def take_up():
        log = Journal(tmp_path / "switch.log", 10_000)
        found = Switches(fleet, tmp_path, Record(log), log)
        found.spec, found.take_up = plugged, take_up
        found.put = lambda vlan: found.move("leaf-1", "Ethernet1/1", vlan, None)
        return found

    return take_up()


def test_a_port_is_where_it_was_after_a_restart(switches):
    switches.put(TENANT)

    assert switches.take_up().vlan_of("leaf-1", "Ethernet1/1") == TENANT


@pytest.fixture
def plugged(switches, place):
    machine = Machine(switches.spec, replace(place, switches=switches))
    yield machine
    machine.power_down()


@pytest.mark.parametrize("vlan", [PROVISIONING, CLEANING])
def test_a_network_boot_reaches_the_portal_from_provisioning_and_cleaning(plugged, switches, portal, vlan):
    portal.offer("erase")
    switches.put(vlan)
    plugged.override("UefiHttp", "Once", portal.boot_uri)

    plugged.reset("On")

    until(lambda: plugged.setting.power == "Off")
    assert portal.result["ok"] is True


@pytest.mark.parametrize("vlan", [None, TENANT])
def test_from_a_tenants_network_and_from_none_it_does_not(plugged, switches, portal, vlan):
    portal.offer("erase")
    switches.put(vlan)
    plugged.override("UefiHttp", "Once", portal.boot_uri)

    plugged.reset("On")

    until(lambda: f"gave up: Unreachable {NO_ROUTE}" in console(plugged))
    assert portal.asked == []


def boot_from_drive(machine, portal):
    machine.insert(portal.boot_uri)
    machine.override("Cd", "Once", "")
    machine.reset("On")


def test_in_a_tenants_network_a_medium_in_the_drive_gets_its_job_and_does_none_but_a_rescue(plugged, switches, portal):
    install(plugged)
    switches.put(TENANT)
    before = plugged.disk.path.read_bytes()
    portal.offer("erase")
    boot_from_drive(plugged, portal)
    until(lambda: f"gave up: Unreachable {NO_ROUTE}" in console(plugged))
    assert (portal.said("done"), portal.said("progress")) == ([], [])
    plugged.reset("ForceOff")

    key = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    portal.offer("rescue", hostname="gpu-01", ssh_authorized_keys=[], host_key=key)
    boot_from_drive(plugged, portal)

    until(lambda: portal.said("done"))
    assert portal.result["ok"] is True
    assert plugged.disk.path.read_bytes() == before


def test_a_rescue_in_no_network_asks_nobody(plugged, switches, portal):
    switches.put(None)
    portal.offer("rescue")

    boot_from_drive(plugged, portal)

    until(lambda: f"gave up: Unreachable {NO_ROUTE}" in console(plugged))
    assert portal.asked == []


def test_a_port_that_is_moved_in_the_middle_of_a_download_ends_it(plugged, switches, portal):
    portal.offer("image")
    portal.held_at = 70_000
    switches.put(PROVISIONING)
    plugged.override("UefiHttp", "Once", portal.boot_uri)

    plugged.reset("On")
    assert portal.reached.wait(60)
    switches.put(TENANT)
    portal.go_on.set()

    until(lambda: f"gave up: Unreachable {NO_ROUTE}" in console(plugged))
    assert portal.said("done") == []


@pytest.mark.parametrize("vlan,arrives", [(TENANT, True), (None, False)])
def test_a_first_boot_phones_home_from_any_network(plugged, switches, portal, vlan, arrives):
    install(plugged, phone_home={"url": portal.url("home"), "token": "t"})
    switches.put(vlan)
    plugged.override("Hdd", "Once", "")

    plugged.reset("On")

    until(lambda: portal.said("home") or f"phone home: Unreachable {NO_ROUTE}" in console(plugged))
    assert bool(portal.said("home")) is arrives


def test_a_machine_on_no_switch_reaches_the_portal(switches):
    alone = Spec(**entry(3))

    assert (switches.boots(alone), switches.is_connected(alone)) == (True, True)


def test_machines_reach_one_another_in_one_tenants_network_only(tmp_path, spec):
    one, beside = (replace(spec, switch="leaf-1", port=f"Ethernet{number}") for number in (1, 2))
    far, free = replace(spec, switch="leaf-2", port="Ethernet1"), spec
    log = Journal(tmp_path / "switch.log", 10_000)
    fleet = Fleet("", 0, tmp_path, tmp_path, None, [one, beside, far], agent_vlans=frozenset({PROVISIONING, CLEANING}))
    switches = Switches(fleet, tmp_path, Record(log), log)

    def found(here, there, other=beside):
        switches.move("leaf-1", "Ethernet1", here, None)
        switches.move(other.switch, other.port, there, None)
        return switches.connects(one, other) and switches.connects(other, one)

    assert found(TENANT, TENANT)
    assert not found(TENANT, TENANT + 1)
    assert not found(None, None)
    assert not found(PROVISIONING, PROVISIONING)
    assert found(TENANT, TENANT + 5, far), "another fabric numbers its networks by itself"
    assert not found(TENANT, CLEANING, far)
    assert switches.connects(free, far), "what hangs on no switch is reached by all"
