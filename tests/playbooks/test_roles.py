"""The shape every playbook and role must have, checked on the files themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from provisioning.recorder import SECRET_VARIABLES
from provisioning.runner import PLAYBOOKS

PLAYS = sorted(PLAYBOOKS.glob("*.yml"))
ACTIONS = {
    "ansible.builtin.include_tasks",
    "metalyard.metal.bmc",
    "metalyard.metal.cluster",
    "metalyard.metal.ssh_probe",
    "metalyard.metal.switch_port",
}
ROLES = sorted(path for path in (PLAYBOOKS / "roles").iterdir() if path.is_dir())


def test_the_playbooks_are_the_ones_the_catalogue_may_name():
    assert [path.name for path in PLAYS] == [
        "bmc_baseline.yml", "boot_disk.yml", "deploy_boot.yml", "eject_media.yml", "erase_boot.yml", "hand_over.yml",
        "inspect_boot.yml", "move_port.yml", "power_off.yml", "power_on.yml", "rescue_boot.yml", "shut_down.yml",
        "verify_ssh.yml",
    ]  # fmt: skip


@pytest.mark.parametrize("path", PLAYS, ids=lambda path: path.name)
def test_a_playbook_is_hosts_and_roles_only(path):
    for play in yaml.safe_load(path.read_text()):
        assert set(play) == {"name", "hosts", "connection", "gather_facts", "any_errors_fatal", "roles"}
        assert (play["gather_facts"], play["connection"], play["any_errors_fatal"]) == (False, "local", False)


@pytest.mark.parametrize("path", ROLES, ids=lambda path: path.name)
def test_a_role_is_complete(path):
    for name in ("meta/argument_specs.yml", "defaults/main.yml", "tasks/main.yml", "README.md"):
        assert (path / name).is_file(), f"{path.name} lacks {name}"
    assert "**Twin:**" in (path / "README.md").read_text()


@pytest.mark.parametrize("path", ROLES, ids=lambda path: path.name)
def test_a_role_declares_what_it_takes_and_hides_what_is_secret(path):
    options = yaml.safe_load((path / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((path / "defaults/main.yml").read_text())

    assert {name: option["default"] for name, option in options.items() if "default" in option} == defaults
    assert {name for name, option in options.items() if option.get("no_log")} == SECRET_VARIABLES & set(options)


@pytest.mark.parametrize("path", ROLES, ids=lambda path: path.name)
def test_a_role_acts_only_through_our_plugins_and_names_no_secret(path):
    for file in (path / "tasks").glob("*.yml"):
        for task in yaml.safe_load(file.read_text()):
            # A connection is told by variables of its task, which are not shown.
            shown = {key: value for key, value in task.items() if key not in ("connection", "throttle", "vars")}
            assert set(shown) - {"name"} <= ACTIONS
            assert not any(secret in str(shown) for secret in SECRET_VARIABLES)


def test_ansible_accepts_the_syntax():
    answer = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "--syntax-check", *map(str, PLAYS)],
        env={"ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert answer.returncode == 0, answer.stderr
