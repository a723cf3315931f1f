"""The console's log at an emulated BMC, over HTTPS: the form of OpenBMC's HostLogger, over the file that it keeps."""

from __future__ import annotations

import ssl

import httpx
import pytest

from tests.provisioning.simulator.emulator import entry, running, until, uuid_of, write_fleet
from tests.provisioning.virtual_machine import needs_qemu

LOGS = f"/redfish/v1/Systems/{uuid_of(1)}/LogServices"
ENTRIES = f"{LOGS}/HostLogger/Entries"


@pytest.fixture(scope="module")
def emulated(tmp_path_factory, demo_tls):
    """The running fleet of two; gives (its folder, its address)."""
    folder = tmp_path_factory.mktemp("fleet")
    port = write_fleet(folder, [entry(1), entry(2)], cert=demo_tls.certificate, key=demo_tls.key)
    with running(folder):
        yield folder, f"https://127.0.0.1:{port}"


@pytest.fixture
def ask(emulated, demo_tls):
    """Asks the first server's BMC."""
    context = ssl.create_default_context(cafile=demo_tls.ca)
    with httpx.Client(base_url=emulated[1], verify=context, trust_env=False, timeout=60) as client:

        def get(path, number=1):
            return client.get(path, auth=(f"user{number}", f"password-{number}"))

        yield get


@pytest.fixture
def write(emulated):
    """Puts text into the file of the first server's console, in place of what was there."""
    path = emulated[0] / "console" / "srv-1.log"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    return lambda text: path.write_bytes(text.encode())


def told(answer):
    found = answer.json()
    return [(item["Id"], item["Message"]) for item in found["Members"]], found["Members@odata.count"]


def test_the_system_leads_to_the_log(ask, write):
    linked = ask(f"/redfish/v1/Systems/{uuid_of(1)}").json()["LogServices"]["@odata.id"]
    service, _ = ask(linked).json()["Members"]
    entries = ask(service["@odata.id"]).json()["Entries"]["@odata.id"]

    assert entries == ENTRIES
    assert told(ask(entries)) == ([], 0)


def test_each_whole_line_is_an_entry_and_one_without_an_end_is_none_yet(ask, write):
    write("[    0.0] Linux\r\n\nlast\nlogin: ")

    assert told(ask(ENTRIES)) == ([("0", "[    0.0] Linux"), ("1", ""), ("2", "last")], 3)
    assert ask(ENTRIES).json()["Members"][2] == ask(f"{ENTRIES}/2").json()
    assert ask(f"{ENTRIES}/3").status_code == 404


def test_a_part_is_asked_for_by_skip_and_top(ask, write):
    write("".join(f"line {number}\n" for number in range(10)))

    page = ask(f"{ENTRIES}?$skip=3&$top=2")

    assert told(page) == ([("3", "line 3"), ("4", "line 4")], 10)
    assert told(ask(page.json()["Members@odata.nextLink"]))[0][0] == ("5", "line 5")
    assert told(ask(f"{ENTRIES}?$skip=8&$top=5"))[0] == [("8", "line 8"), ("9", "line 9")]
    assert told(ask(f"{ENTRIES}?$skip=99")) == ([], 10)


@pytest.mark.parametrize("query", ["$skip=-1", "$skip=x", "$top=0", "$top=1001", "$top=", f"$skip={'9' * 5000}"])
def test_what_cannot_be_asked_for_is_refused(ask, write, query):
    assert ask(f"{ENTRIES}?{query}").status_code == 400


def test_another_bmcs_login_reads_nothing(ask, write):
    write("secret\n")

    answers = [ask(path, number=2) for path in (ENTRIES, f"{ENTRIES}/0", LOGS, f"{LOGS}/HostLogger")]

    assert [answer.status_code for answer in answers] == [401] * 4
    assert not any("secret" in answer.text for answer in answers)


@needs_qemu
@pytest.mark.xdist_group("virtual machines")
def test_what_real_firmware_writes_is_there(tmp_path, demo_tls):
    machine = entry(1, kind="qemu", memory_gb=1)
    port = write_fleet(tmp_path, [machine], cert=demo_tls.certificate, key=demo_tls.key)
    context = ssl.create_default_context(cafile=demo_tls.ca)
    login = ("user1", "password-1")
    with (
        running(tmp_path),
        httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=context, trust_env=False, auth=login) as client,
    ):
        reset = f"/redfish/v1/Systems/{uuid_of(1)}/Actions/ComputerSystem.Reset"
        assert client.post(reset, json={"ResetType": "On"}, timeout=60).status_code == 204

        until(lambda: any("BdsDxe" in message for _, message in told(client.get(ENTRIES, timeout=60))[0]), 200)

        client.post(reset, json={"ResetType": "ForceOff"}, timeout=60)
