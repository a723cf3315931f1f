"""From ansible-runner's events to results: nothing secret, nothing that steers a terminal, nothing claimed unproven."""

from __future__ import annotations

import pytest

from provisioning.recorder import Recorder
from provisioning.runs import RunnerEvent

INVENTORY = {
    "all": {
        "hosts": {"srv_a": {"bmc_password": {"__ansible_unsafe": "pw-of-a"}, "boot_uri": "http://x/token"}},
        "vars": {"ssh_verify_key": "-----BEGIN KEY-----\n" + "k" * 64 + "\n-----END KEY-----"},
    }
}


@pytest.fixture
def heard():
    return []


@pytest.fixture
def recorder(heard):
    return Recorder(INVENTORY, heard.append)


def of_host(kind, res, **data):
    return {"event": f"runner_on_{kind}", "event_data": {"host": "srv_a", "task": "T", "res": res, **data}}


@pytest.mark.parametrize("secret", ["pw-of-a", "http://x/token", "k" * 64])
def test_secrets_are_blotted_out_of_messages_and_facts(recorder, heard, secret):
    report = {"serial": f"SN {secret}", "steps": [{"step": secret}]}

    recorder.handle(of_host("failed", {"error_code": "bmc_refused", "msg": f"it said {secret}!", "report": report}))

    result = recorder.results(["srv_a"], "failed")["srv_a"]
    assert result.error == "it said [redacted]!"
    assert result.facts == {"serial": "SN [redacted]", "steps": [{"step": "[redacted]"}]}
    assert heard == [RunnerEvent("srv_a", "T", "failed", "bmc_refused", "it said [redacted]!")]


def test_messages_cannot_steer_a_terminal_or_turn_text_around(recorder):
    recorder.handle(of_host("failed", {"msg": "a\x1b[31mb\x00c\nd\u202ee" + "x" * 1000}))

    error = recorder.results(["srv_a"], "failed")["srv_a"].error
    assert error.startswith("ab c d e")
    assert len(error) == 500


def test_the_first_failure_of_a_host_is_its_reason(recorder):
    recorder.handle(of_host("failed", {"error_code": "bmc_timeout", "msg": "first"}))
    recorder.handle(of_host("failed", {"error_code": "bmc_refused", "msg": "second"}))

    assert recorder.results(["srv_a"], "failed")["srv_a"].error_code == "bmc_timeout"


@pytest.mark.parametrize(
    "_case, events, status, ok, code",
    [
        ("reported, run ended", [of_host("ok", {"report": {"serial": "S"}})], "successful", True, ""),
        ("reported, run was cut short", [of_host("ok", {"report": {"serial": "S"}})], "stopped", True, ""),
        ("did something, run ended", [of_host("ok", {}), {"event": "playbook_on_stats"}], "successful", True, ""),
        ("did something, run was cut short", [of_host("ok", {})], "timed_out", False, "run_timed_out"),
        ("was never heard of, run ended", [{"event": "playbook_on_stats"}], "successful", False, "run_failed"),
        ("was never heard of, run was stopped", [], "stopped", False, "run_stopped"),
        ("bad variables", [of_host("failed", {}, task_action="ansible.builtin.validate_argument_spec")],
         "failed", False, "bad_variables"),
    ],
)  # fmt: skip
def test_a_host_is_done_only_when_that_is_proven(recorder, _case, events, status, ok, code):
    for event in events:
        recorder.handle(event)

    result = recorder.results(["srv_a"], status)["srv_a"]
    assert (result.ok, result.error_code) == (ok, code)


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (None, None),
        ({"ok": {"srv_a": 1}, "failures": {}, "dark": {}}, "successful"),
        ({"ok": {"srv_b": 1}, "failures": {"srv_a": 1}, "dark": {}}, "failed"),
        ({"ok": {"srv_b": 1}, "failures": {}, "dark": {"srv_a": 1}}, "failed"),
    ],
)
def test_how_a_run_ended_is_what_its_statistics_say(recorder, told, verdict):
    recorder.handle(of_host("ok", {}))
    if told is not None:
        recorder.handle({"event": "playbook_on_stats", "event_data": told})

    assert recorder.verdict == verdict
