"""The stock Redfish module drives our emulated BMC too: what we emulate is Redfish, and not what our own plugin needs.

The module comes with the extra `interop`, which is installed in a lane of its own only:
METALYARD_INTEROP=1 uv run --extra interop pytest tests/playbooks/test_stock_module.py
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys

import pytest
import yaml

from portal.launcher import tls
from provisioning.runner import PLAYBOOKS
from tests.provisioning.simulator.emulator import entry, running, uuid_of, write_fleet

MODULE = "ansible_collections/community/general/plugins/modules/redfish_command.py"
SYSTEM = f"/redfish/v1/Systems/{uuid_of(1)}"
RESET = SYSTEM + "/Actions/ComputerSystem.Reset"
NOT_FOUND = f"System resource {uuid_of(1)} not found"


def has_module() -> bool:
    try:
        return importlib.metadata.distribution("ansible").locate_file(MODULE).is_file()
    except importlib.metadata.PackageNotFoundError:
        return False


@pytest.fixture(scope="module", autouse=True)
def installed():
    """Skip where the collection is not installed; in the lane that is there for it, fail."""
    if not has_module():
        stop = pytest.fail if os.environ.get("METALYARD_INTEROP") else pytest.skip
        stop("community.general is not installed: it comes with the extra `interop`")


@pytest.fixture
def emulated(tmp_path):
    """The running fleet of two; gives (its folder, what the module needs to reach the first BMC)."""
    files = tls.ensure(tmp_path / "tls", "127.0.0.1")
    port = write_fleet(tmp_path, [entry(1), entry(2)], cert=files.certificate, key=files.key)
    login = {"baseuri": f"127.0.0.1:{port}", "username": "user1", "password": "password-1", "timeout": 20}
    with running(tmp_path):
        yield tmp_path, {**login, "validate_certs": True, "ca_path": str(files.ca)}


def task(bmc, command, *, refused="", **more):
    """One call of the module; `refused` is what it must fail with."""
    found = {"category": "Systems", "command": command, **bmc, **more}
    call = {"name": command, "community.general.redfish_command": found, "register": "answer"}
    if refused:
        call |= {"failed_when": f"answer is not failed or {refused!r} not in answer.msg"}
    return call


def play(folder, tasks):
    """Run the tasks by ansible-playbook; gives (return code, output)."""
    book = folder / "stock.yml"
    book.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"bmc-1": variables}}}))
    answer = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), str(book)],
        env={"ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"), "ANSIBLE_HOME": str(folder / "ansible"),
             "HOME": str(folder), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    return answer.returncode, answer.stdout + answer.stderr


def writes(folder):
    path = folder / "bmc.log"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [(line["path"], line["body"], line["status"]) for line in lines]


def boot(target, enabled):
    return {"Boot": {"BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": enabled}}


def test_power_and_boot_overrides(emulated):
    folder, bmc = emulated
    tasks = [
        task(bmc, "SetOneTimeBoot", bootdevice="Pxe"),
        task(bmc, "PowerOn"),
        task(bmc, "PowerOn"),
        task(bmc, "PowerForceOff"),
        task(bmc, "EnableContinuousBootOverride", bootdevice="UefiHttp", resource_id=uuid_of(1)),
        task(bmc, "EnableContinuousBootOverride", bootdevice="Hdd"),
        task(bmc, "EnableContinuousBootOverride", bootdevice="Hdd"),
        task(bmc, "PowerReboot"),
        task(bmc, "DisableBootOverride"),
        task(bmc, "PowerForceOff"),
    ]

    code, output = play(folder, tasks)

    assert code == 0, output
    # What is as it was asked is not written again: the module reads back what it wrote, and finds it.
    assert writes(folder) == [
        (SYSTEM, boot("Pxe", "Once"), 204),
        (RESET, {"ResetType": "On"}, 204),
        (RESET, {"ResetType": "ForceOff"}, 204),
        (SYSTEM, boot("UefiHttp", "Continuous"), 204),
        (SYSTEM, boot("Hdd", "Continuous"), 204),
        (RESET, {"ResetType": "GracefulRestart"}, 204),
        (SYSTEM, boot("None", "Disabled"), 204),
        (RESET, {"ResetType": "ForceOff"}, 204),
    ]
    lines = (folder / "console" / "srv-1.log").read_text().splitlines()
    assert [line for line in lines if line.startswith("power on")] == [
        "power on, boot from Pxe", "power on, boot from Hdd",
    ]  # fmt: skip


def test_what_must_be_refused_is_refused(emulated):
    folder, bmc = emulated
    other_ca = tls.ensure(folder / "other", "127.0.0.1").ca
    tasks = [
        task({**bmc, "ca_path": str(other_ca)}, "PowerOn", refused="CERTIFICATE_VERIFY_FAILED"),
        task({**bmc, "password": "password-2"}, "PowerOn", refused="HTTP Error 401"),
        task(
            {**bmc, "username": "user2", "password": "password-2"}, "PowerOn", resource_id=uuid_of(1), refused=NOT_FOUND
        ),
        task(bmc, "SetOneTimeBoot", bootdevice="Usb", refused="not in list of allowable values"),
    ]

    code, output = play(folder, tasks)

    assert code == 0, output
    assert writes(folder) == []
