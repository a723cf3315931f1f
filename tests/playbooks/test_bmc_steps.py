"""The steps of the `bmc` plugin against a BMC that is well, broken, or hostile. No Ansible in between."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.metalyard.metal.plugins.plugin_utils import transport as transport_module
from ansible_collections.metalyard.metal.plugins.plugin_utils.fence import Fence as FenceReader
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal
from ansible_collections.metalyard.metal.plugins.plugin_utils.system import System, Target
from ansible_collections.metalyard.metal.plugins.plugin_utils.transport import Transport, depth_of, parse
from hypothesis import given
from hypothesis import strategies as st

from provisioning.fence import Fence, drop_fence, write_fence
from tests.playbooks.bmc_stand_in import PASSWORD, USER
from tests.playbooks.conftest import make_certificate

UUID = "11111111-2222-4333-8444-555555555555"
URI = "http://127.0.0.1:8000/agent/v1/boot/token"


@pytest.fixture
def system(fleet, certificate, fence_file):
    """Builds a System for the one server of the fleet; keyword arguments change what is asked."""
    fleet.add(UUID, "SN1", power="Off")
    opened = []

    def build(
        *,
        serial="SN1",
        uuid=UUID,
        password=PASSWORD,
        ca_file=certificate[0],
        power_timeout_s=60,
        timeout_s=60,
        grace_s=60,
    ):
        transport = Transport(
            fleet.address, username=USER, password=password, ca_file=str(ca_file), timeout_s=timeout_s
        )
        opened.append(transport)
        target = Target(f"/redfish/v1/Systems/{uuid}", serial, URI, power_timeout_s, grace_s)
        return System(transport, target, FenceReader(Path(fence_file), epoch=7))

    yield build
    for transport in opened:
        transport.close()


def run_steps(system: System, *names: str) -> None:
    for name in names:
        system.steps[name]()


def test_a_network_boot_is_set_once_and_the_server_is_on(fleet, system):
    server = system()

    run_steps(server, "identify", "power_off", "boot_http", "power_on")

    assert fleet.systems[UUID]["PowerState"] == "On"
    assert fleet.systems[UUID]["Boot"] == {
        "BootSourceOverrideTarget": "UefiHttp", "BootSourceOverrideEnabled": "Once", "HttpBootUri": URI,
    }  # fmt: skip
    assert [(write["method"], write["epoch"]) for write in fleet.writes] == [("PATCH", "7"), ("POST", "7")]
    assert server.report == {"serial": "SN1", "model": "HGX H100", "power_state": "On"}


def test_a_server_that_is_on_is_forced_off_first(fleet, system):
    fleet.systems[UUID]["PowerState"] = "On"

    run_steps(system(), "identify", "power_off", "boot_disk", "power_on")

    assert [write["body"].get("ResetType", "boot") for write in fleet.writes] == ["ForceOff", "boot", "On"]
    assert fleet.systems[UUID]["Boot"]["BootSourceOverrideTarget"] == "Hdd"


def test_a_server_still_on_after_its_grace_is_forced_off(fleet, system):
    """As a take-over finds it: the worker that died had already started the server from its disk."""
    fleet.systems[UUID]["PowerState"] = "On"

    run_steps(system(grace_s=0.3), "identify", "let_off", "boot_disk", "power_on")

    assert [write["body"].get("ResetType", "boot") for write in fleet.writes] == ["ForceOff", "boot", "On"]


def test_a_server_that_switches_itself_off_is_not_forced(fleet, system):
    fleet.systems[UUID]["PowerState"] = "On"
    fleet.after_read = lambda: fleet.systems[UUID].update(PowerState="Off")

    run_steps(system(), "identify", "let_off")

    assert fleet.writes == []


@pytest.mark.parametrize(
    "power, fault, done",
    [
        ("On", "", ["GracefulShutdown"]),
        ("On", "hangs_on", ["GracefulShutdown", "ForceOff"]),
        ("On", "cannot_ask", ["ForceOff"]),
        ("Off", "", []),
    ],
)
def test_the_operating_system_is_asked_first_and_forced_only_when_that_does_not_help(fleet, system, power, fault, done):
    fleet.systems[UUID]["PowerState"] = power
    fleet.faults[UUID] = fault

    run_steps(system(grace_s=0.3), "identify", "shut_down")

    assert fleet.systems[UUID]["PowerState"] == "Off"
    assert [write["body"]["ResetType"] for write in fleet.writes] == done


def test_a_bmc_that_obeys_nothing_is_not_believed(fleet, system):
    fleet.systems[UUID]["PowerState"] = "On"
    fleet.faults[UUID] = "power_lie"

    with pytest.raises(Refusal) as refused:
        run_steps(system(grace_s=0.3, power_timeout_s=0.3), "identify", "shut_down")

    assert refused.value.code == "power_off_timeout"


def test_what_a_boot_override_made_boot_none_unmakes(fleet, system):
    server = system()
    run_steps(server, "identify", "boot_http")

    run_steps(server, "boot_none")

    assert fleet.systems[UUID]["Boot"]["BootSourceOverrideTarget"] == "None"
    assert fleet.systems[UUID]["Boot"]["BootSourceOverrideEnabled"] == "Disabled"


@pytest.mark.parametrize(
    "fault, code, words",
    [
        ("huge", "bmc_refused", "larger than"),
        ("redirect", "bmc_refused", "redirect"),
        ("html", "bmc_refused", "text/html, not JSON"),
        ("html_as_json", "bmc_refused", "not JSON"),
        ("deep", "bmc_refused", "deeper than"),
        ("not_an_object", "bmc_refused", "not a JSON object"),
        ("no_serial", "bmc_wrong_identity", "no serial number"),
        ("hang", "bmc_timeout", "No complete answer"),
        ("drip", "bmc_timeout", "No complete answer"),
        ("error_500", "bmc_refused", "HTTP 500. The BMC says: [31moops Basic [redacted]"),
        ("not_http", "bmc_refused", "not proper HTTP"),
        ("drops", "bmc_unreachable", "RemoteDisconnected"),
    ],
)
def test_a_hostile_answer_is_a_clear_refusal_and_nothing_is_written(fleet, system, fault, code, words):
    fleet.faults[UUID] = fault
    # Only what never answers is to run out of time, and must not take the test's.
    server = system(timeout_s=1) if code == "bmc_timeout" else system()

    with pytest.raises(Refusal) as refusal:
        run_steps(server, "identify", "power_off", "boot_http", "power_on")

    assert refusal.value.code == code
    assert words in refusal.value.message
    assert PASSWORD not in refusal.value.message
    assert fleet.writes == []


@pytest.mark.parametrize(
    "change, code",
    [
        ({"serial": "SN2"}, "bmc_wrong_identity"),
        ({"password": "wrong"}, "bmc_auth_failed"),
        ({"uuid": "11111111-2222-4333-8444-666666666666"}, "bmc_refused"),
    ],
)
def test_a_server_that_is_not_the_one_meant_is_not_touched(fleet, system, change, code):
    with pytest.raises(Refusal) as refusal:
        run_steps(system(**change), "identify", "power_on")

    assert refusal.value.code == code
    assert fleet.writes == []


def test_the_uuid_in_the_path_must_be_the_servers(fleet, system):
    fleet.systems[UUID]["UUID"] = "11111111-2222-4333-8444-777777777777"

    with pytest.raises(Refusal, match="UUID"):
        run_steps(system(), "identify")


def test_no_change_without_identification(fleet, system):
    with pytest.raises(Refusal, match="not identified"):
        run_steps(system(), "power_on")

    assert fleet.writes == []


def test_a_certificate_of_another_ca_is_not_trusted(fleet, system, tmp_path):
    stranger, _ = make_certificate(tmp_path, "stranger")

    with pytest.raises(Refusal, match="certificate") as refusal:
        run_steps(system(ca_file=stranger), "identify")

    assert refusal.value.code == "bmc_wrong_identity"


def test_nobody_listening_is_unreachable(fleet, system):
    server = system()
    fleet.shutdown()
    fleet.server_close()

    with pytest.raises(Refusal) as refusal:
        run_steps(server, "identify")

    assert refusal.value.code == "bmc_unreachable"


@pytest.mark.parametrize(
    "step, power, code", [("power_on", "Off", "power_state_mismatch"), ("power_off", "On", "power_off_timeout")]
)
def test_a_lie_about_power_is_found_out(fleet, system, step, power, code):
    fleet.systems[UUID]["PowerState"] = power
    fleet.faults[UUID] = "power_lie"

    with pytest.raises(Refusal, match=f"reports {power}") as refusal:
        run_steps(system(power_timeout_s=0.5), "identify", step)

    assert refusal.value.code == code


@pytest.mark.parametrize("fault", ["forgets_boot", "boots_elsewhere"])
def test_a_boot_override_that_is_not_kept_stops_before_power_on(fleet, system, fault):
    fleet.faults[UUID] = fault

    with pytest.raises(Refusal, match="keep") as refusal:
        run_steps(system(), "identify", "boot_http", "power_on")

    assert refusal.value.code == "bmc_refused"
    assert fleet.systems[UUID]["PowerState"] == "Off"


def test_the_fence_is_read_before_each_write(fleet, system, fence_file):
    fleet.after_write = lambda: write_fence(fence_file, Fence(epoch=8, expires_at=time.time() + 600))

    with pytest.raises(Refusal) as refusal:
        run_steps(system(), "identify", "boot_http", "power_on")

    assert refusal.value.code == "fence_lost"
    assert [write["method"] for write in fleet.writes] == ["PATCH"]
    assert fleet.systems[UUID]["PowerState"] == "Off"


def test_without_a_fence_nothing_is_written(fleet, system, fence_file):
    drop_fence(fence_file)

    with pytest.raises(Refusal) as refusal:
        run_steps(system(), "identify", "power_on")

    assert refusal.value.code == "fence_lost"
    assert fleet.writes == []


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1", "https://u:p@127.0.0.1", "127.0.0.1:443", "https://127.0.0.1/x", ""]
)
def test_only_plain_https_addresses_are_used(address, certificate):
    with pytest.raises(Refusal) as refusal:
        Transport(address, username="u", password="p", ca_file=str(certificate[0]), timeout_s=1)

    assert refusal.value.code == "bad_variables"


@pytest.mark.parametrize(
    "path", ["/redfish/v1/Systems/../Managers", "/redfish/v1/Systems/a b", "/x", "/redfish/v1/Systems/"]
)
def test_only_system_resources_are_used(path, fence_file):
    with pytest.raises(Refusal) as refusal:
        System(None, Target(path, "SN1", URI, 1), FenceReader(fence_file, 7))

    assert refusal.value.code == "bad_variables"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='[]{}"\\ab', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='[]{}"\\', max_size=4), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(_JSON)
def test_depth_is_counted_as_the_parser_would(value):
    def deep(item) -> int:
        if isinstance(item, dict):
            return 1 + max(map(deep, item.values()), default=0)
        return 1 + max(map(deep, item), default=0) if isinstance(item, list) else 0

    text = transport_module.json.dumps(value)

    assert depth_of(text) == deep(value)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(body):
    try:
        code = type(parse(body)).__name__
    except Refusal as refusal:
        code = refusal.code

    assert code in ("dict", "bmc_refused")
