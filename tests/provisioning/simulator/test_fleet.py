"""The fleet file: what is wrong with it is said in one line, with the place."""

from __future__ import annotations

import json

import pytest

from provisioning.simulator.__main__ import main
from provisioning.simulator.fleet import Switch, Timings, load
from tests.provisioning.simulator.emulator import entry, write_fleet


@pytest.fixture
def write(tmp_path):
    """Writes a fleet of two after a change to it, and gives its file."""

    def go(change=lambda data: None):
        write_fleet(tmp_path, [entry(1), entry(2)], cert="c.crt", key="k.key", port=8443)
        path = tmp_path / "fleet.json"
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))
        return path

    return go


def test_a_fleet_is_read(write):
    fleet = load(write(lambda data: data.update(timings={"boot_s": 2}, more="ignored")))

    assert (fleet.host, fleet.port, str(fleet.cert), str(fleet.key)) == ("127.0.0.1", 8443, "c.crt", "k.key")
    assert fleet.timings == Timings(boot_s=2.0)
    assert [spec.name for spec in fleet.specs] == ["srv-1", "srv-2"]
    assert (fleet.specs[1].serial, fleet.specs[1].disk_bytes) == ("SN2", 3 << 19)


def test_switches_and_the_ports_on_them_are_read(write):
    def change(data):
        data.update(switches=[SWITCH], agent_vlans=[20, 30])
        data["servers"][0].update(switch="leaf-1", port="Ethernet1/1")

    fleet = load(write(change))

    assert fleet.switches == [Switch("leaf-1", "port-mover", "secret")]
    assert "secret" not in repr(fleet)
    assert fleet.agent_vlans == {20, 30}
    assert [(spec.switch, spec.port) for spec in fleet.specs] == [("leaf-1", "Ethernet1/1"), ("", "")]


def test_a_virtual_machine_hangs_on_its_switch_by_a_second_card(write):
    fleet = load(write(plugged(kind="qemu", switched_mac="02:4d:59:01:00:01")))

    assert [spec.switched_mac for spec in fleet.specs] == ["", "02:4d:59:01:00:01"]


SWITCH = {"name": "leaf-1", "user": "port-mover", "password": "secret"}


def server(**changes):
    return lambda data: data["servers"][1].update(changes)


def plugged(**changes):
    def change(data):
        data["switches"] = [SWITCH]
        data["servers"][1].update({"switch": "leaf-1", "port": "1"} | changes)

    return change


@pytest.mark.parametrize(
    "change,words",
    [
        (lambda data: data.pop("bmc"), "bmc must be an object"),
        (lambda data: data["bmc"].pop("cert"), "bmc.cert must be a text"),
        (lambda data: data["bmc"].update(port=0), "bmc.port must be between 1 and 65535"),
        (lambda data: data["bmc"].update(port="443"), "bmc.port must be a whole number"),
        (lambda data: data["bmc"].update(port=True), "bmc.port must be a whole number"),
        (lambda data: data.update(timings={"boot_s": -1}), "timings.boot_s must be a number"),
        (lambda data: data.update(timings={"boot_s": float("nan")}), "timings.boot_s must be a number"),
        (lambda data: data.update(timings=[1]), "timings must be an object"),
        (lambda data: data.update(servers={}), "servers must be a list"),
        (lambda data: data["servers"].append("x"), "servers[2] must be an object"),
        (lambda data: data["servers"][1].pop("mac"), "servers[1].mac must be a text"),
        (server(name="../../etc/x"), "servers[1].name must be letters, digits, dots, hyphens and underscores"),
        (server(name=""), "servers[1].name must be letters"),
        (server(disk_bytes=1 << 19), "servers[1].disk_bytes must be at least 1048576"),
        (server(disk_bytes=1e9), "servers[1].disk_bytes must be a whole number"),
        (server(ssh_port=70_000), "servers[1].ssh_port must be between 1 and 65535"),
        (server(name="srv-1"), "two servers have the name srv-1"),
        (server(uuid=entry(1)["uuid"]), "two servers have the uuid 7e57ab1e"),
        (lambda data: data["servers"][1].update(ssh_host="h", ssh_port=1) or data["servers"][0].update(
            ssh_host="h", ssh_port=1), "two servers have the ssh address h:1"),
        (lambda data: data.update(switches={}), "switches must be a list"),
        (lambda data: data.update(switches=[SWITCH | {"password": 1}]), "switches[0].password must be a text"),
        (lambda data: data.update(switches=[SWITCH | {"password": ""}]), "switches[0] must have a user and a password"),
        (lambda data: data.update(switches=[SWITCH | {"name": "a/b"}]), "switches[0].name must be letters"),
        (lambda data: data.update(switches=[SWITCH, SWITCH]), "two switches have the name leaf-1"),
        (lambda data: data.update(agent_vlans=20), "agent_vlans must be a list of numbers from 2 to 4094"),
        (lambda data: data.update(agent_vlans=[1]), "agent_vlans must be a list of numbers from 2 to 4094"),
        (lambda data: data.update(agent_vlans=[True]), "agent_vlans must be a list of numbers from 2 to 4094"),
        (server(port="Ethernet1"), "servers[1] must have both switch and port, or neither"),
        (server(switch="leaf-1"), "servers[1] must have both switch and port, or neither"),
        (server(switch="leaf-1", port="Ethernet1"), "servers[1].switch: there is no switch leaf-1"),
        (server(switch="leaf-1", port="../1"), "servers[1].port must be letters, digits and ./:_-"),
        (plugged(kind="qemu"), "servers[1].switched_mac must be a MAC address"),
        (plugged(kind="qemu", switched_mac="02:4d:59:01:00:01,x"), "servers[1].switched_mac must be a MAC address"),
        (plugged(switched_mac="02:4d:59:01:00:01"), "servers[1].switched_mac must be a MAC address where a machine "
         "of the kind qemu has a port"),
        (server(kind="qemu", switched_mac="02:4d:59:01:00:01"), "servers[1].switched_mac must be a MAC address where"),
        (lambda data: [entry.update(switch="s", port="1") for entry in data["servers"]],
         "two servers have the port 1 of s"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_begun(write, change, words, capsys, tmp_path):
    path = write(change)

    code = main(["--fleet", str(path), "--dir", str(tmp_path / "fleet")])

    said = capsys.readouterr().err
    assert code == 2
    assert said.startswith(f"the emulated fleet cannot start: {path} is not a fleet file: {words}")
    assert said.count("\n") == 1
    assert not (tmp_path / "fleet").exists()


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[1]", "\x00"])
def test_what_is_no_json_object(tmp_path, text):
    path = tmp_path / "fleet.json"
    path.write_text(text)

    with pytest.raises(ValueError, match=r"is not JSON|must be an object") as problem:
        load(path)

    assert "\n" not in str(problem.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"none\.json: No such file or directory"):
        load(tmp_path / "none.json")
