"""Real firmware and real kernels: two virtual machines go from one tenant to the next, imaged and erased.

What was erased is read by nobody of ours: the test reads the drives' backing files, the next tenant its drive as root.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import asyncssh
import httpx
import pytest

from tests.end_to_end import client
from tests.end_to_end.stack import ROOT, running
from tests.provisioning.virtual_machine import needs_qemu

pytestmark = [
    needs_qemu,
    pytest.mark.long,
    pytest.mark.end_to_end,
    pytest.mark.timeout(3600),
    pytest.mark.xdist_group("virtual machines"),
]

START_S, HANDED_OVER_S, FILLED_S, RETURNED_S, CONSOLE_S = 1800, 1500, 900, 1500, 120
# Stages have the time that real machines have; what is due is looked for more often than in production.
PATIENT = {"METALYARD_SWEEP_SECONDS": "2"}
WORD = "canary-5d1c"
NOBODYS = 1999
"""VLAN of the range that tenants' networks are taken from, lowest first."""
BLOCK = 4096
FULL = 0.99
"""A running system still writes a little of its own over what it is filled with."""
USER_DATA = "#!/bin/sh\necho {word} >/var/tmp/from-user-data\n"
OTHER = "of-the-next"
PING = "ping -c 3 -W 5 {address} >/dev/null && echo heard || echo silent"
PORTAL_ONLY = "curl -sS -o /dev/null -m 3 http://10.0.2.2:22; echo $?"
# The whole drive, under the running system's feet: it works on from memory, or not at all. Past the page cache, which
# would else push these programs out of memory, to be read again from what they wrote over.
FILL = f"sudo sh -c '(yes {WORD} | dd of=/dev/nvme0n1 bs=1M iflag=fullblock oflag=direct) </dev/null >/dev/null 2>&1 &'"
# Zeros are left out first, for a drive of them would be one line. The word is no argument of sudo, which would log it.
SEEK = f"sudo cat /dev/nvme0n1 | tr -d '\\0' | grep -a -c {WORD}"


@pytest.fixture(scope="module")
def virtual():
    """Two machines: the first boots our medium from its virtual drive, the second's firmware fetches it by HTTP."""
    with running("--fast", "--metal=qemu", limit_s=START_S, settings=PATIENT) as started:
        started.run_sql("update fleet_bmc set boot_method = 'uefi_http' where id = (select max(id) from fleet_bmc)")
        yield started


def asked(server, key, command):
    """Log in trusting the one host key that the portal names, run a command, return what it prints."""

    async def ask():
        lines = [f"[{server['ssh_host']}]:{server['ssh_port']} {line}\n" for line in server["host_keys"]]
        async with asyncssh.connect(
            server["ssh_host"], server["ssh_port"], username=server["ssh_user"], client_keys=[key],
            known_hosts=asyncssh.import_known_hosts("".join(lines)), config=None, agent_path=None, login_timeout=120,
        ) as connection:  # fmt: skip
            return (await connection.run(command)).stdout.strip()

    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, ask()).result(600)


def on_all(servers, key, command):
    """Run a command on all servers at once; return what each printed."""
    with ThreadPoolExecutor(len(servers)) as pool:
        return list(pool.map(lambda server: asked(server, key, command), servers))


def handed_over(tenant, word):
    """Reserve both machines for a tenant; return (its key, the reservation, its servers)."""
    key, public = client.key_pair()
    keys = [client.add_key(tenant, public)]
    reservation = client.reserve(tenant, keys, 2, server_type="vm-1x", user_data=USER_DATA.format(word=word))
    found = client.wait_for(tenant, reservation, "active", "failed", limit_s=HANDED_OVER_S)
    assert found["state"] == "active", client.events(tenant, reservation)
    return key, reservation, client.servers(tenant, reservation)


def share_with_canary(path):
    """Return in which share of all blocks of a drive's backing file the word is."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as drive:
        starts = range(0, len(drive), BLOCK)
        return sum(WORD.encode() in drive[start : start + BLOCK] for start in starts) / len(starts)


def filled(path):
    """Wait until the word is everywhere, and return its share."""
    shares = [share_with_canary(path)]
    deadline = time.monotonic() + FILLED_S
    while shares[-1] <= FULL:
        assert time.monotonic() < deadline, f"filled no further than {shares[-10:]}"
        time.sleep(5)
        shares.append(share_with_canary(path))
    return shares[-1]


def residue(path):
    """Return how many bytes of a file are not zero."""
    with path.open("rb") as file:
        return sum(len(data) - data.count(0) for data in iter(lambda: file.read(1 << 20), b""))


def downloaded(tenant, reservation, folder):
    """Download the certificates of a reservation and the keys that they are checked with."""
    (folder / "keys.json").write_bytes(tenant.api.get("/certificate-keys").content)
    files = []
    for certificate in tenant.api.get(f"/reservations/{reservation}/certificates").json()["data"]:
        name = certificate["certificate"]["id"]
        files.append(folder / f"{name}.json")
        files[-1].write_bytes(tenant.api.get(f"/certificates/{name}").content)
    return files


def verified(folder, *files):
    """Check certificates with the command that has neither database nor settings; return its exit code."""
    command = [ROOT / "deploy/metalyard", "verify", "--keys", folder / "keys.json", "--apart", *files]
    return subprocess.run(command, check=False, timeout=120, env={"PATH": os.environ["PATH"]}).returncode


@pytest.fixture(scope="module")
def switch(virtual):
    """An HTTP client of the emulated switch that both machines hang on, with its own login; `ports` by machine."""
    fleet = json.loads((virtual.dir / "fleet" / "fleet.json").read_text())
    name = fleet["servers"][0]["switch"]
    login = next((entry["user"], entry["password"]) for entry in fleet["switches"] if entry["name"] == name)
    url = f"https://{fleet['bmc']['host']}:{fleet['bmc']['port']}/switch/v1/{name}/ports"
    context = ssl.create_default_context(cafile=virtual.dir / "tls" / "ca.crt")
    with httpx.Client(base_url=url, auth=login, verify=context, trust_env=False, timeout=60) as client:
        client.ports = {entry["name"]: entry["port"] for entry in fleet["servers"]}
        yield client


def vlans_of(switch, names):
    return [switch.get(f"/{switch.ports[name]}").json()["vlan_id"] for name in names]


def put(switch, name, vlan):
    assert switch.put(f"/{switch.ports[name]}", json={"vlan_id": vlan}).json() == {"vlan_id": vlan}


def console(stack, name):
    """Return what a machine's serial console printed since the emulator has it."""
    written = stack.dir / "fleet" / "console" / f"{name}.log"
    older = written.with_name(written.name + ".1")
    return "".join(path.read_text(errors="replace") for path in (older, written) if path.exists())


def inner_address(stack, name):
    ((address,),) = stack.rows(
        "select host(n.address) from fleet_nic n join fleet_server s on s.id = n.server_id"
        " where s.name = %s and n.address is not null", name,
    )  # fmt: skip
    return address


@pytest.fixture(scope="module")
def first(virtual):
    """The first tenant, with both machines; gives (key, reservation, servers)."""
    return handed_over(virtual, WORD)


@pytest.fixture(scope="module")
def returned(virtual, first):
    """The first tenant has filled its drives and released them; gives (reservation, share with its word by server)."""
    key, reservation, servers = first
    names = virtual.server_names(reservation)
    on_all(servers, key, FILL)
    seen = {name: filled(virtual.disk(name)) for name in names}
    client.release(virtual, reservation)
    client.wait_for(virtual, reservation, "ended", limit_s=RETURNED_S)
    return reservation, seen


def test_what_was_reserved_is_what_one_logs_in_to(virtual, first):
    key, _reservation, servers = first

    assert len(servers) == 2
    assert on_all(servers, key, "hostname") == [server["hostname"] for server in servers]
    assert on_all(servers, key, "cloud-init status --wait | tail -n 1") == ["status: done"] * 2
    assert on_all(servers, key, "sudo cat /var/tmp/from-user-data") == [WORD] * 2


def test_one_booted_from_its_drive_and_one_by_http(virtual, first):
    by_drive, by_http = (console(virtual, name) for name in sorted(virtual.server_names(first[1])))

    assert "boot from Cd" in by_drive
    assert "Uri(http" not in by_drive
    assert "boot from UefiHttp" in by_http
    assert "Uri(http://10.0.2.100:8000/agent/v1/media/" in by_http
    assert "boot from Cd" not in by_http


def test_a_machine_reaches_the_portal_and_nothing_else(first):
    key, _reservation, servers = first

    # 7: nobody listens there for it; 28: nothing comes back.
    assert set(on_all(servers, key, PORTAL_ONLY)) <= {"7", "28"}
    assert on_all(servers, key, "curl -sS -o /dev/null -m 60 http://10.0.2.100:8000/livez && echo ok") == ["ok"] * 2


def test_the_machines_are_one_cluster_with_the_kit_on_each(virtual, first):
    key, reservation, servers = first
    names = [server["hostname"] for server in servers]
    in_order = [row["hostname"] for row in sorted(servers, key=lambda row: (row["rack"], row["rack_unit"]))]

    said = [asked(server, key, f"ssh -o BatchMode=yes {other} hostname") for server in servers for other in names]
    pinged = asked(servers[0], key, "cd /opt/handover && LC_ALL=C.UTF-8 ansible -i inventory.yml all -m ping")
    hostfiles = on_all(servers, key, "cut -d' ' -f1 /opt/handover/hostfile")
    keys = on_all(servers, key, "ssh-keygen -y -f ~/.ssh/metalyard_cluster")

    assert said == names * 2
    assert [pinged.count(f"{name} | SUCCESS") for name in names] == [1, 1], pinged
    assert hostfiles == ["\n".join(in_order)] * 2
    assert len(set(keys)) == 2
    listed = virtual.api.get(f"/reservations/{reservation}/handover").json()["data"]
    there = "\n".join(sorted(file["name"] for file in listed))
    assert on_all(servers, key, "LC_ALL=C ls -A /opt/handover") == [there] * 2


def test_what_a_machine_writes_on_its_serial_console_is_read_by_its_tenant(virtual, first):
    key, reservation, servers = first
    consoles = [f"/reservations/{reservation}/servers/{server['id']}/console" for server in servers]

    def said(number):
        return "".join(chunk["text"] for chunk in virtual.api.get(consoles[number]).json()["data"])

    assert asked(servers[0], key, f"echo {WORD}-on-the-console | sudo tee /dev/ttyS0")
    client.until(lambda: f"{WORD}-on-the-console" in said(0), CONSOLE_S)
    assert WORD not in said(1)


def test_a_tenants_machines_reach_each_other_by_their_network_only(virtual, switch, first):
    key, reservation, servers = first
    here, there = names = virtual.server_names(reservation)
    ((vlan,),) = virtual.rows("select vlan_id from fleet_network where kind = 'tenant'")
    pings = [PING.format(address=inner_address(virtual, name)) for name in (there, here)]

    assert vlans_of(switch, names) == [vlan, vlan]
    moves = [json.loads(line) for line in (virtual.dir / "fleet" / "switch.log").read_text().splitlines()]
    assert {move["server"]: move["to"] for move in moves if move["epoch"]} == dict.fromkeys(names, vlan)
    assert [asked(server, key, ping) for server, ping in zip(servers, pings, strict=True)] == ["heard"] * 2
    try:
        for elsewhere in (NOBODYS, None):
            put(switch, there, elsewhere)
            assert asked(servers[0], key, pings[0]) == "silent"
        put(switch, here, NOBODYS)
        put(switch, there, vlan)
        assert asked(servers[1], key, pings[1]) == "silent"
    finally:
        put(switch, here, vlan)
        put(switch, there, vlan)
    assert [asked(server, key, ping) for server, ping in zip(servers, pings, strict=True)] == ["heard"] * 2


def test_nothing_of_a_tenant_is_left_on_the_drives(virtual, switch, returned):
    _reservation, seen = returned

    assert len(seen) == 2
    assert set(virtual.server_states(seen).values()) == {"available"}
    assert {name: residue(virtual.disk(name)) for name in seen} == dict.fromkeys(seen, 0)
    assert vlans_of(switch, seen) == [None, None]
    assert not list((virtual.dir / "media" / "boots").iterdir())


def test_the_certificates_say_so_and_are_checked_offline(virtual, returned, tmp_path):
    reservation, seen = returned
    files = downloaded(virtual, reservation, tmp_path)
    serials = [json.loads(file.read_text())["certificate"]["drive"]["serial"] for file in files]

    assert len(files) == len(set(serials)) == len(seen)
    assert verified(tmp_path, *files) == 0
    files[0].write_text(files[0].read_text().replace(serials[0], serials[1]))
    assert verified(tmp_path, files[0]) == 1


def test_the_next_tenant_finds_nothing_as_root(virtual, returned):
    _reservation, seen = returned
    other = virtual.another_tenant()

    key, reservation, servers = handed_over(other, OTHER)

    assert set(other.server_names(reservation)) == set(seen)
    assert on_all(servers, key, SEEK) == ["0", "0"]
