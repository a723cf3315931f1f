"""Judging what a BMC is like: pure."""

import copy

import pytest

from portal.fleet.controllers import Recorded
from portal.operations.failures import FAILURES
from provisioning.baseline import findings_of, firmware_of

RECORDED = Recorded("us", ("root",), ("Hdd", "Cd"), {"BIOS": ("1.0", "1.1"), "NIC": ("*",)})
REPORT = {
    "password": "changed",
    "controller": {
        "accounts": [
            {"name": "us", "role": "Administrator", "enabled": True},
            {"name": "root", "role": "Operator", "enabled": True},
        ],
        "boot": {"target": "None", "enabled": "Disabled", "order": ["Hdd", "Cd"]},
        "media": [],
        "firmware": [{"component": "BIOS", "version": "1.1"}, {"component": "NIC", "version": "7"}],
        "ipmi": "off",
    },
}


def changed(key, value):
    report = copy.deepcopy(REPORT)
    report["controller"][key] = value
    return report


def test_a_bmc_as_recorded_has_no_finding():
    assert findings_of(REPORT, RECORDED) == []
    assert findings_of(changed("ipmi", "absent"), RECORDED) == []


def account(**changes):
    return {"name": "us", "role": "Administrator", "enabled": True, **changes}


@pytest.mark.parametrize(
    ("key", "value", "code", "words"),
    [
        ("accounts", [], "bmc_account_changed", "us: missing"),
        ("accounts", [account(enabled=False)], "bmc_account_changed", "False"),
        ("accounts", [account(role="ReadOnly")], "bmc_account_changed", "ReadOnly"),
        ("accounts", [account(), account()], "bmc_account_changed", "us"),
        ("accounts", [account(), account(name="x")], "bmc_extra_user", "x (Administrator)"),
        ("accounts", [account(), account(name="", role="")], "bmc_extra_user", "unnamed"),
        ("boot", {"target": "Pxe", "enabled": "Continuous", "order": ["Hdd", "Cd"]}, "bmc_boot_changed", "Continuous"),
        ("boot", {"target": "Cd", "enabled": "Once", "order": ["Hdd", "Cd"]}, "bmc_boot_changed", "Once"),
        ("boot", {"target": "", "enabled": "", "order": ["Hdd", "Cd"]}, "bmc_boot_changed", "override"),
        ("boot", {"target": "None", "enabled": "Disabled", "order": ["Cd"]}, "bmc_boot_changed", "recorded Hdd, Cd"),
        ("boot", {"target": "None", "enabled": "Disabled", "order": []}, "bmc_boot_changed", "order none"),
        ("media", [{"device": "Cd", "image": ""}], "bmc_media_inserted", "Cd: unnamed"),
        ("ipmi", "on", "bmc_ipmi_on", "on"),
        ("ipmi", "unclear", "bmc_ipmi_on", "unclear"),
    ],
)  # fmt: skip
def test_each_difference_is_a_finding_of_its_own(key, value, code, words):
    (finding,) = findings_of(changed(key, value), RECORDED)

    assert finding.code == code
    assert words in finding.detail
    assert code in FAILURES


def test_an_account_that_reads_as_an_allowed_one_does_not_hide_behind_it():
    """What cannot be printed is cut from names: "root" and "root" with a space at its end read the same."""
    twice = [account(), account(name="root", role="Operator"), account(name="root")]

    findings = findings_of(changed("accounts", twice), RECORDED)

    assert [(finding.code, finding.detail) for finding in findings] == [
        ("bmc_extra_user", "root (Operator)"),
        ("bmc_extra_user", "root (Administrator)"),
    ]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"BIOS": "0.9", "NIC": "7"}, "BIOS: 0.9, expected 1.0 or 1.1"),
        ({"NIC": "7"}, "BIOS: missing, expected 1.0 or 1.1"),
        ({"BIOS": "1.0"}, "NIC: missing, expected *"),
        ({"BIOS": "1.0", "NIC": ""}, "NIC: missing, expected *"),
        ({"BIOS": "1.0", "NIC": "7", "TPM": "2"}, "TPM: 2, expected no such component"),
    ],
)
def test_firmware_is_what_is_listed_and_nothing_else(found, words):
    report = changed("firmware", [{"component": name, "version": version} for name, version in found.items()])

    (finding,) = findings_of(report, RECORDED)

    assert (finding.code, finding.detail) == ("firmware_differs", words)
    assert [item.component for item in firmware_of(report, RECORDED) if not item.matches] == [words.split(":")[0]]


def test_a_component_that_is_named_twice_hides_nothing():
    twice = [{"component": "BIOS", "version": version} for version in ("0.9", "1.0")]

    (finding,) = findings_of(changed("firmware", [*twice, {"component": "NIC", "version": "7"}]), RECORDED)

    assert finding.detail == "BIOS: 0.9, 1.0, expected 1.0 or 1.1"


def test_a_password_that_was_not_reported_as_changed_is_unproved():
    (finding,) = findings_of({"controller": REPORT["controller"]}, RECORDED)

    assert finding.code == "bmc_password_unproved"


def test_all_differences_are_told_at_once():
    report = changed("ipmi", "on")
    report["controller"]["media"] = [{"device": "Cd", "image": "x"}]

    assert [finding.code for finding in findings_of(report, RECORDED)] == ["bmc_media_inserted", "bmc_ipmi_on"]
