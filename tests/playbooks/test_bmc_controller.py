"""What the plugin reads of a BMC and how it changes its password, on answers a BMC may give. No Ansible in between."""

import pytest
from ansible_collections.metalyard.metal.plugins.plugin_utils.controller import Controller, Logins
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal

ROOT = "/redfish/v1"
ACCOUNT = f"{ROOT}/AccountService/Accounts/2"


def linked(path):
    return {"@odata.id": f"{ROOT}/{path}"}


def listed(*paths):
    return {"Members": [linked(path) for path in paths]}


@pytest.fixture
def resources():
    return {
        "Systems/1": {
            "Links": {"ManagedBy": [linked("Managers/1")]},
            "Boot": {
                "BootSourceOverrideTarget": "None", "BootSourceOverrideEnabled": "Disabled", "BootOrder": ["A", "B"],
            },
        },
        "Managers/1": {
            "NetworkProtocol": linked("Managers/1/NetworkProtocol"),
            "VirtualMedia": linked("Managers/1/VirtualMedia"),
        },
        "Managers/1/NetworkProtocol": {"IPMI": {"ProtocolEnabled": False}},
        "Managers/1/VirtualMedia": listed("Managers/1/VirtualMedia/Cd"),
        "Managers/1/VirtualMedia/Cd": {"Id": "Cd", "Inserted": False, "Image": None},
        "AccountService": {"Accounts": linked("AccountService/Accounts")},
        "AccountService/Accounts": listed("AccountService/Accounts/1", "AccountService/Accounts/2"),
        "AccountService/Accounts/1": {"UserName": "", "Enabled": False, "RoleId": "None"},
        "AccountService/Accounts/2": {
            "@odata.id": ACCOUNT, "UserName": "us", "Enabled": True, "RoleId": "Administrator",
        },
        "UpdateService": {"FirmwareInventory": linked("UpdateService/FirmwareInventory")},
        "UpdateService/FirmwareInventory": listed("UpdateService/FirmwareInventory/BIOS"),
        "UpdateService/FirmwareInventory/BIOS": {"Id": "BIOS", "Version": "1.0\x1b[31m"},
    }  # fmt: skip


class SystemDouble:
    """The BMC's resources by path; what is written is noted, as the real one would after its fence."""

    path = f"{ROOT}/Systems/1"

    def __init__(self, resources):
        self.resources, self.report, self.written = resources, {}, []

    def get(self, path):
        try:
            return self.resources[path.removeprefix(f"{ROOT}/")]
        except KeyError:
            raise Refusal("bmc_refused", f"HTTP 404 {path}") from None

    def write(self, method, path, body):
        self.written.append((method, path, body))


class Login:
    """What one login is answered with."""

    def __init__(self, status):
        self.answer, self.is_closed = status, False

    def status(self, path):
        assert path == ACCOUNT
        return self.answer

    def close(self):
        self.is_closed = True


def controller_of(resources, *, old=401, new=200, is_next=False, following="next", username="us"):
    logins = Logins(username, lambda: Login(old), lambda: Login(new), following, is_next)
    system = SystemDouble(resources)
    return Controller(system, logins), system


def test_a_bmc_is_reported_in_chosen_words_only(resources):
    controller, system = controller_of(resources)

    controller.read_controller()

    assert system.report["controller"] == {
        "accounts": [{"name": "us", "role": "Administrator", "enabled": True}],
        "boot": {"target": "None", "enabled": "Disabled", "order": ["A", "B"]},
        "media": [],
        "firmware": [{"component": "BIOS", "version": "1.0 [31m"}],
        "ipmi": "off",
    }
    assert system.written == []


@pytest.mark.parametrize(
    ("path", "answer", "key", "reported"),
    [
        ("Managers/1/NetworkProtocol", {}, "ipmi", "absent"),
        ("Managers/1/NetworkProtocol", {"IPMI": {"ProtocolEnabled": True}}, "ipmi", "on"),
        ("Managers/1/NetworkProtocol", {"IPMI": {"ProtocolEnabled": "no"}}, "ipmi", "unclear"),
        ("Managers/1/NetworkProtocol", {"IPMI": []}, "ipmi", "unclear"),
        ("Managers/1/VirtualMedia/Cd", {"Id": "Cd"}, "media", [{"device": "Cd", "image": ""}]),
        (
            "Managers/1/VirtualMedia/Cd",
            {"Id": "Cd", "Inserted": False, "Image": "nfs://x"},
            "media",
            [{"device": "Cd", "image": "nfs://x"}],
        ),
        (
            "AccountService/Accounts/1",
            {"UserName": "", "Enabled": True},
            "accounts",
            [{"name": "", "role": "", "enabled": True}, {"name": "us", "role": "Administrator", "enabled": True}],
        ),
    ],
)
def test_what_is_unclear_is_not_reported_as_right(resources, path, answer, key, reported):
    controller, system = controller_of(resources | {path: answer})

    controller.read_controller()

    assert system.report["controller"][key] == reported


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("Systems/1", {"Links": {"ManagedBy": []}}),
        ("Systems/1", {"Links": {"ManagedBy": [linked("Managers/1"), linked("Managers/2")]}}),
        ("Systems/1", {"Links": {"ManagedBy": [{"@odata.id": "https://elsewhere/redfish/v1/Managers/1"}]}}),
        ("Systems/1", {"Links": {"ManagedBy": [linked("../Managers/1")]}}),
        ("Managers/1", {"NetworkProtocol": linked("Managers/1/NetworkProtocol")}),
        ("AccountService", {}),
        ("AccountService/Accounts", {"Members": "none"}),
        ("AccountService/Accounts", listed("AccountService/Accounts/1") | {"Members@odata.nextLink": "more"}),
        ("UpdateService/FirmwareInventory", listed(*["UpdateService/FirmwareInventory/BIOS"] * 65)),
        ("UpdateService/FirmwareInventory", {"Members": ["BIOS"]}),
    ],
)
def test_a_bmc_that_does_not_say_all_is_refused(resources, path, answer):
    controller, system = controller_of(resources | {path: answer})

    with pytest.raises(Refusal) as refused:
        controller.read_controller()

    assert refused.value.code == "bmc_refused"
    assert "controller" not in system.report


def test_a_password_is_set_and_proved(resources):
    controller, system = controller_of(resources)

    controller.rotate_password()

    assert system.written == [("PATCH", ACCOUNT, {"Password": "next"})]
    assert system.report == {"password": "changed"}


def test_a_password_that_an_earlier_run_has_set_is_only_proved(resources):
    controller, system = controller_of(resources, is_next=True)

    controller.rotate_password()

    assert (system.written, system.report) == ([], {"password": "changed"})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"new": 401}, "bmc_password_unproved"),
        ({"new": 500}, "bmc_password_unproved"),
        ({"old": 200}, "bmc_password_unproved"),
        ({"old": 403}, "bmc_password_unproved"),
        ({"old": 503}, "bmc_password_unproved"),
        ({"following": ""}, "bad_variables"),
        ({"username": "somebody"}, "bmc_refused"),
    ],
)
def test_a_password_that_is_not_proved_is_not_reported_as_changed(resources, changes, code):
    controller, system = controller_of(resources, **changes)

    with pytest.raises(Refusal) as refused:
        controller.rotate_password()

    assert refused.value.code == code
    assert system.report == {}
    assert "next" not in refused.value.message.replace("bmc_next_password", "")
