"""The BMCs as the network sees them: the emulator's own process, over HTTPS with the demo's CA."""

from __future__ import annotations

import json
import ssl

import httpx
import pytest

from provisioning.simulator.faults import Fault, Faults
from tests.provisioning.simulator.emulator import entry, running, until, uuid_of, write_fleet

RESET = "/Actions/ComputerSystem.Reset"
HTTP_BOOT = {
    "BootSourceOverrideTarget": "UefiHttp",
    "BootSourceOverrideEnabled": "Once",
    "HttpBootUri": "http://127.0.0.1:1/boot/x",
}


@pytest.fixture(scope="module")
def emulated(tmp_path_factory, demo_tls):
    """The running fleet of three; gives (its folder, its address)."""
    folder = tmp_path_factory.mktemp("fleet")
    cert, key = demo_tls.certificate, demo_tls.key
    port = write_fleet(folder, [entry(number) for number in (1, 2, 3)], cert=cert, key=key)
    with running(folder):
        yield folder, f"https://127.0.0.1:{port}"


@pytest.fixture
def bmc(emulated, demo_tls):
    """Logs in to a BMC; without a number there is no login."""
    clients = []

    def client(number=None, **more) -> httpx.Client:
        login = {} if number is None else {"auth": (f"user{number}", f"password-{number}")}
        context = ssl.create_default_context(cafile=demo_tls.ca)
        made = httpx.Client(base_url=emulated[1], verify=context, trust_env=False, **{"timeout": 60, **login, **more})
        clients.append(made)
        return made

    yield client
    for made in clients:
        made.close()


@pytest.fixture
def setting(bmc):
    """Gives (power, boot target, enabled, address) of the first system, which begins switched off and without any."""
    path = f"/redfish/v1/Systems/{uuid_of(1)}"
    client = bmc(1)
    client.post(path + RESET, json={"ResetType": "ForceOff"})
    client.patch(path, json={"Boot": {"BootSourceOverrideEnabled": "Disabled"}})

    def read():
        found = client.get(path).json()
        boot = found["Boot"]
        override = (boot["BootSourceOverrideTarget"], boot["BootSourceOverrideEnabled"], boot["HttpBootUri"])
        return (found["PowerState"], *override)

    assert read() == UNTOUCHED
    return read


SYSTEM = f"/redfish/v1/Systems/{uuid_of(1)}"
UNTOUCHED = ("Off", "None", "Disabled", "")


def writes(emulated):
    path = emulated[0] / "bmc.log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_the_root_is_open_and_the_rest_is_not(bmc):
    assert bmc().get("/redfish/v1/").json()["Systems"] == {"@odata.id": "/redfish/v1/Systems"}
    for path in ("/redfish/v1/Systems", SYSTEM, f"/redfish/v1/Managers/{uuid_of(1)}", "/redfish/v1/Chassis", "/x"):
        answer = bmc().get(path)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="BMC"')


@pytest.mark.parametrize(
    "login", [("user1", "password-2"), ("user2", "password-2"), ("user2", "password-1"), ("", ""), ("user1", "é")]
)
def test_a_bmc_takes_its_own_login_only_and_refuses_without_a_change(bmc, setting, emulated, login):
    stranger = bmc(auth=login)

    answers = [
        stranger.get(SYSTEM),
        stranger.get("/redfish/v1/Systems/srv-1"),
        stranger.get(f"/redfish/v1/Managers/{uuid_of(1)}"),
        stranger.get("/redfish/v1//Systems//" + uuid_of(1), follow_redirects=True),
        stranger.patch(SYSTEM, json={"Boot": HTTP_BOOT}),
        stranger.post(SYSTEM + RESET, json={"ResetType": "On"}),
    ]

    assert [answer.status_code for answer in answers] == [401] * 6
    assert setting() == UNTOUCHED
    assert [(line["status"], line["body"]) for line in writes(emulated)[-2:]] == [(401, None)] * 2


def test_a_bmc_knows_no_server_but_its_own(bmc):
    found = bmc(2).get("/redfish/v1/Systems").json()

    assert found["Members"] == [{"@odata.id": f"/redfish/v1/Systems/{uuid_of(2)}"}]
    assert found["Members@odata.count"] == 1
    assert bmc(2).get("/redfish/v1/Managers").json()["Members@odata.count"] == 1
    assert bmc(2).get(f"/redfish/v1/Systems/{uuid_of(9)}").status_code == 404


def test_a_system_says_who_it_is_and_what_it_can(bmc, setting):
    found = bmc(1).get(SYSTEM).json()

    assert {name: found[name] for name in ("UUID", "Name", "SerialNumber", "Model", "PowerState")} == {
        "UUID": uuid_of(1), "Name": "srv-1", "SerialNumber": "SN1", "Model": "H100", "PowerState": "Off",
    }  # fmt: skip
    assert found["Boot"]["BootSourceOverrideTarget@Redfish.AllowableValues"] == ["None", "Pxe", "Cd", "Hdd", "UefiHttp"]
    reset = found["Actions"]["#ComputerSystem.Reset"]
    assert reset["target"] == SYSTEM + RESET
    assert reset["ResetType@Redfish.AllowableValues"] == [
        "On", "ForceOff", "GracefulShutdown", "GracefulRestart", "ForceRestart", "Nmi", "ForceOn",
    ]  # fmt: skip
    assert found["MemorySummary"]["TotalSystemMemoryGiB"] == 64


def test_an_override_is_read_back_and_used_up(bmc, setting):
    client = bmc(1)

    assert client.patch(SYSTEM, json={"Boot": HTTP_BOOT}).status_code == 204
    before = setting()
    assert client.post(SYSTEM + RESET, json={"ResetType": "On"}).status_code == 204

    assert before == ("Off", "UefiHttp", "Once", "http://127.0.0.1:1/boot/x")
    assert setting() == ("On", "None", "Disabled", "")


@pytest.mark.parametrize("kind", ["On", "ForceOff", "GracefulShutdown", "GracefulRestart", "ForceRestart", "ForceOn"])
def test_every_reset_type_it_offers_is_done(bmc, setting, kind):
    assert bmc(1).post(SYSTEM + RESET, json={"ResetType": kind}).status_code == 204

    assert setting()[0] == ("Off" if kind in ("ForceOff", "GracefulShutdown") else "On")


@pytest.mark.parametrize(
    "method,path,body,status",
    [
        ("PATCH", "", {"Boot": {"BootSourceOverrideTarget": "Usb"}}, 400),
        ("PATCH", "", {"Boot": {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Maybe"}}, 400),
        ("PATCH", "", {"Boot": {"HttpBootUri": 7}}, 400),
        ("PATCH", "", {"Boot": {}}, 400),
        ("PATCH", "", {"Boot": HTTP_BOOT, "AssetTag": "x"}, 400),
        ("PATCH", "", {"IndicatorLED": "Lit"}, 400),
        ("PATCH", "", [], 400),
        ("PATCH", "", "[" * 20_000 + "]" * 20_000, 400),
        ("PATCH", "", "not json", 400),
        ("PATCH", "", {"Boot": {"HttpBootUri": "x" * 70_000}}, 413),
        ("POST", RESET, {"ResetType": "Banana"}, 400),
        ("POST", RESET, {"ResetType": ["On"]}, 400),
        ("POST", RESET, {}, 400),
        ("POST", RESET, [{"ResetType": "On"}], 400),
        ("POST", RESET, "", 400),
        ("POST", "", {"ResetType": "On"}, 405),
        ("PUT", "", {"Boot": HTTP_BOOT}, 405),
        ("DELETE", "", {}, 405),
        ("PATCH", "/BIOS/Settings", {"Boot": HTTP_BOOT}, 405),
        ("PATCH", "/SecureBoot", {"SecureBootEnable": True}, 405),
        ("POST", "/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia", {"Image": "http://127.0.0.1:1/x"}, 405),
        ("POST", "/Storage/1/Volumes", {"Name": "x"}, 405),
    ],
)
def test_what_it_cannot_do_is_refused_and_changes_nothing(bmc, setting, emulated, method, path, body, status):
    content = {"content": body, "headers": {"Content-Type": "application/json"}} if isinstance(body, str) else {}

    answer = bmc(1).request(method, SYSTEM + path, **(content or {"json": body}))

    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert setting() == UNTOUCHED
    assert (writes(emulated)[-1]["method"], writes(emulated)[-1]["status"]) == (method, status)


@pytest.mark.parametrize(
    "method,path",
    [
        ("POST", "UpdateService/Actions/UpdateService.SimpleUpdate"),
        ("POST", "CertificateService/Actions/CertificateService.ReplaceCertificate"),
        ("PATCH", "Chassis/x"),
        ("PATCH", f"Managers/{uuid_of(1)}"),
        ("POST", "Systems"),
    ],
)
def test_services_that_reach_beyond_one_server_are_not_offered(bmc, setting, method, path):
    body = {"ImageURI": "http://127.0.0.1:1/x", "Targets": [SYSTEM]}

    answer = bmc(1).request(method, f"/redfish/v1/{path}", json=body)

    assert answer.status_code == 405
    assert setting() == UNTOUCHED


def test_every_write_is_logged_and_no_secret_is(bmc, setting, emulated):
    before = len(writes(emulated))
    client = bmc(1, headers={"X-Metalyard-Epoch": "17"})

    client.get(SYSTEM)
    client.patch(SYSTEM, json={"Boot": HTTP_BOOT})
    client.post(SYSTEM + RESET, json={"ResetType": "On"})

    lines = writes(emulated)[before:]
    assert [(line["method"], line["path"], line["body"], line["epoch"], line["status"]) for line in lines] == [
        ("PATCH", SYSTEM, {"Boot": HTTP_BOOT}, "17", 204), ("POST", SYSTEM + RESET, {"ResetType": "On"}, "17", 204),
    ]  # fmt: skip
    assert {line["system"] for line in lines} == {uuid_of(1)}
    text = (emulated[0] / "bmc.log").read_text()
    assert "password" not in text
    assert "Authorization" not in text


@pytest.fixture
def faults(emulated):
    faults = Faults(emulated[0] / "faults")
    yield faults
    faults.clear("srv-1")


def test_a_bmc_that_refuses_can_be_read(bmc, setting, faults):
    faults.plant("srv-1", Fault.BMC_REFUSES)

    answers = [
        bmc(1).patch(SYSTEM, json={"Boot": HTTP_BOOT}),
        bmc(1).post(SYSTEM + RESET, json={"ResetType": "On"}),
    ]

    assert [(answer.status_code, answer.json()["error"]["message"]) for answer in answers] == [
        (503, "the BMC is busy")
    ] * 2
    assert setting() == UNTOUCHED
    assert bmc(2).get(f"/redfish/v1/Systems/{uuid_of(2)}").status_code == 200


def test_a_bmc_that_hangs_does_not_do_later_what_it_was_asked(bmc, setting, faults, emulated):
    faults.plant("srv-1", Fault.BMC_HANGS)
    before = len(writes(emulated))

    for ask in (
        lambda client: client.get(SYSTEM),
        lambda client: client.post(SYSTEM + RESET, json={"ResetType": "On"}),
    ):
        with pytest.raises(httpx.ReadTimeout):
            ask(bmc(1, timeout=httpx.Timeout(60, read=0.5)))
    assert bmc(2).get(f"/redfish/v1/Systems/{uuid_of(2)}").status_code == 200
    faults.clear("srv-1")
    (late,) = until(lambda: writes(emulated)[before:])

    assert (late["method"], late["status"]) == ("POST", 503)
    assert setting() == UNTOUCHED


@pytest.mark.parametrize("fault,reported", [(Fault.POWER_STUCK, "Off"), (Fault.POWER_LIE, "On")])
def test_a_bmc_that_accepts_and_does_nothing(bmc, setting, faults, emulated, fault, reported):
    faults.plant("srv-1", fault)
    console = emulated[0] / "console" / "srv-1.log"
    before = console.read_text() if console.exists() else ""

    answer = bmc(1).post(SYSTEM + RESET, json={"ResetType": "On"})

    assert answer.status_code == 204
    assert setting()[0] == reported
    bmc(1).post(SYSTEM + RESET, json={"ResetType": "ForceOff"})
    assert (console.read_text() if console.exists() else "") == before


ACCOUNT = "/redfish/v1/AccountService/Accounts/1"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (ACCOUNT, {"Password": "short"}, 400),
        (ACCOUNT, {"Password": 7}, 400),
        (ACCOUNT, {"Password": "long-enough-1", "Enabled": False}, 400),
        (ACCOUNT, [], 400),
        ("/redfish/v1/AccountService/Accounts/2", {"Password": "long-enough-1"}, 405),
        ("/redfish/v1/AccountService", {"Password": "long-enough-1"}, 405),
        ("/redfish/v1/UpdateService/FirmwareInventory/BMC", {"Version": "1"}, 405),
    ],
)
def test_only_the_password_of_the_one_account_can_be_changed(bmc, path, body, status):
    answer = bmc(1).patch(path, json=body)

    assert answer.status_code == status
    assert bmc(1).get(SYSTEM).status_code == 200
    assert bmc(1, auth=("user1", "long-enough-1")).get(SYSTEM).status_code == 401


def test_a_password_is_changed_at_once_and_is_in_no_log(bmc, emulated):
    changed = bmc(3).patch(ACCOUNT, json={"Password": "long-enough-3"})
    old, new = bmc(3), bmc(3, auth=("user3", "long-enough-3"))

    assert changed.status_code == 204
    assert (old.get(ACCOUNT).status_code, new.get(ACCOUNT).json()["UserName"]) == (401, "user3")
    assert "long-enough-3" not in (emulated[0] / "bmc.log").read_text()
    assert writes(emulated)[-1]["body"] == {"Password": "***"}
    assert bmc(2).get(ACCOUNT).json()["UserName"] == "user2"
    assert bmc().get(ACCOUNT).status_code == 401


def test_what_a_bmc_says_of_itself_is_linked_from_its_system(bmc):
    system = bmc(2).get(f"/redfish/v1/Systems/{uuid_of(2)}").json()
    manager = bmc(2).get(system["Links"]["ManagedBy"][0]["@odata.id"]).json()
    media = bmc(2).get(manager["VirtualMedia"]["@odata.id"]).json()["Members"]

    assert system["Boot"]["BootOrder"] == ["Hdd", "Cd", "UefiHttp", "Pxe"]
    assert bmc(2).get(manager["NetworkProtocol"]["@odata.id"]).json()["IPMI"]["ProtocolEnabled"] is False
    assert [bmc(2).get(drive["@odata.id"]).json()["Inserted"] for drive in media] == [False] * len(media)
    assert media
