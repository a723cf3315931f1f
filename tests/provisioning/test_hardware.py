"""What BMCs say of hardware, judged; what they do not say, or say wrongly, is unknown and never down."""

from datetime import UTC, datetime, timedelta

import pytest

from provisioning.hardware import begin_of, errors, gpus, links, moment_of
from provisioning.xids import FATAL_XIDS

SINCE = datetime(2030, 1, 1, 12, tzinfo=UTC)
LATER = "2030-01-01T14:00:00+01:00"


def gpu(state="Enabled", health="OK"):
    return {"ProcessorType": "GPU", "Status": {"State": state, "Health": health}}


@pytest.mark.parametrize(
    "processors, condition",
    [
        ([gpu(), gpu()], "up"),
        ([gpu(), gpu(), gpu()], "up"),
        ([gpu(), gpu("Starting"), {"ProcessorType": "CPU"}], "up"),
        ([gpu(), {"ProcessorType": "GPU"}], "up"),
        ([gpu(), {"ProcessorType": "GPU", "Status": "broken"}], "up"),
        ([gpu(), gpu(health="Warning")], "up"),
        ([gpu()], "down"),
        ([gpu(), gpu("Absent")], "down"),
        ([gpu(), gpu("UnavailableOffline")], "down"),
        ([gpu(), gpu(health="Critical")], "down"),
        ([], "unknown"),
        ([{"ProcessorType": "CPU"}, {}], "unknown"),
    ],
)
def test_gpus(processors, condition):
    assert gpus(processors, 2)[0].value == condition


def hgx(number, **more):
    text = f"[17][3][0] XID {number} something"
    arguments = ["GPU_SXM_1 Driver Event Message", text]
    return {"MessageId": "ResourceEvent.1.0.ResourceErrorsDetected", "MessageArgs": arguments, "Created": LATER} | more


def diagnosed(number):
    arguments = ["1", "0", str(number), "text", "17"]
    return {"MessageId": "NVIDIAGPUDiagnostics.1.0.XIDError", "MessageArgs": arguments, "Created": LATER}


@pytest.mark.parametrize(
    "entry, condition",
    [
        (hgx(79), "down"),
        (diagnosed(95), "down"),
        (hgx(13), "up"),
        (diagnosed(94), "up"),
        (hgx(79, Resolved=True), "up"),
        (hgx(79, Created="2030-01-01T11:59:59+00:00"), "up"),
        (hgx(79, Created="2030-01-01T14:00:00"), "up"),
        (hgx(79, Created=None), "up"),
        (hgx(79, MessageArgs=None), "up"),
        (hgx(79, MessageArgs=["x"]), "up"),
        (hgx(79, MessageId=7), "up"),
        (hgx("79" * 9), "up"),
        (diagnosed("7" * 5000), "up"),
        (diagnosed("many"), "up"),
        ({"Message": "XID 79"}, "up"),
        ({}, "up"),
    ],
)
def test_errors_of_the_log(entry, condition):
    assert errors([{"Message": "power on"}, entry], [], SINCE)[0].value == condition


def counted(count):
    return {"Id": "GPU_SXM_1_DRAM_0", "Metrics": {"CurrentPeriod": {"UncorrectableECCErrorCount": count}}}


@pytest.mark.parametrize(
    "entries, memory, condition",
    [
        (None, [], "unknown"),
        (None, [{"Metrics": {"@odata.id": "/redfish/v1/x"}}], "unknown"),
        (None, [counted(None), counted("7"), counted(True), counted(-1)], "unknown"),
        (None, [counted(0)], "up"),
        ([], [], "up"),
        ([], [counted(0), counted(2)], "down"),
        (None, [counted(2)], "down"),
    ],
)
def test_errors_of_memory(entries, memory, condition):
    assert errors(entries, memory, SINCE)[0].value == condition


def port(mac, status, **more):
    return {"MACAddress": mac, "LinkStatus": status} | more


@pytest.mark.parametrize(
    "interfaces, condition",
    [
        ([port("AA:00", "LinkUp")], "up"),
        ([port("AA:00", "LinkUp"), port("bb:00", None)], "up"),
        ([port("aa:00", "LinkUp"), port("bb:00", "NoLink")], "down"),
        ([port("aa:00", "LinkDown")], "down"),
        ([port("ff:ff", "NoLink", PermanentMACAddress="aa:00")], "down"),
        ([port("aa:00", "LinkDown", InterfaceEnabled=False)], "unknown"),
        ([port("cc:00", "NoLink")], "unknown"),
        ([port("aa:00", None)], "unknown"),
        ([port("aa:00", ["LinkDown"])], "unknown"),
        ([port("aa:00", "Blue")], "unknown"),
        ([{}], "unknown"),
        ([], "unknown"),
    ],
)
def test_links(interfaces, condition):
    assert links(interfaces, ["aa:00", "bb:00"])[0].value == condition


def test_errors_count_from_the_hand_over_or_the_reset_after_it():
    assert begin_of(SINCE, {}) == SINCE
    assert begin_of(SINCE, {"LastResetTime": LATER}) == SINCE + timedelta(hours=1)
    assert begin_of(SINCE, {"LastResetTime": "2029-01-01T00:00:00Z"}) == SINCE
    assert begin_of(SINCE, {"LastResetTime": "yesterday"}) == SINCE


@pytest.mark.parametrize("text", [None, 7, "", "x", "2030-01-01T14:00:00"])
def test_what_is_no_moment(text):
    assert moment_of(text) is None


def test_no_xid_that_a_program_brings_about_is_fatal():
    assert set(FATAL_XIDS).isdisjoint({13, 31, 43, 45, 63, 94})
