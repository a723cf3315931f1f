"""What machines report is judged by pure functions."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.catalog.models import OSImage
from portal.operations.models import BootPurpose, BootToken, Operation, OperationServer
from portal.operations.stages import ERASE, FIRST_BOOT, IMAGE, RESCUE
from provisioning.catalogue import AwaitStep
from provisioning.judge import Verdict, judge

START = datetime(2030, 1, 1, tzinfo=UTC)
OPEN, LIMIT = timedelta(minutes=5), timedelta(minutes=30)
DIGEST = "a" * 64
STEPS = {
    BootPurpose.IMAGE: AwaitStep(IMAGE, BootPurpose.IMAGE, OPEN, LIMIT, "agent_silent", "image_timeout"),
    BootPurpose.ERASE: AwaitStep(ERASE, BootPurpose.ERASE, OPEN, LIMIT, "agent_silent", "erase_timeout"),
    BootPurpose.RESCUE: AwaitStep(RESCUE, BootPurpose.RESCUE, OPEN, LIMIT, "rescue_timeout", "rescue_timeout"),
    BootPurpose.FIRST_BOOT: AwaitStep(
        FIRST_BOOT, BootPurpose.FIRST_BOOT, LIMIT, LIMIT, "no_phone_home", "no_phone_home"
    ),
}


def waiting_part():
    image = OSImage(disk_sha256=DIGEST, disk_bytes=100)
    return OperationServer(operation=Operation(image=image), hostname="gpu-01", step_started_at=START)


def boot(purpose, **fields):
    return BootToken(purpose=purpose, **fields)


def reported(purpose, **result):
    return boot(purpose, opened_at=START, reported_at=START, result=result)


@pytest.mark.parametrize(
    "_case,token,minutes,expected",
    [
        ("silent, still early", boot("image"), 1, Verdict(wait_until=START + OPEN)),
        ("silent too long", boot("image"), 5, Verdict(error_code="agent_silent")),
        ("no boot at all", None, 5, Verdict(error_code="agent_silent")),
        ("opened, working", boot("image", opened_at=START), 6, Verdict(wait_until=START + LIMIT)),
        ("opened, too late", boot("image", opened_at=START), 30, Verdict(error_code="image_timeout")),
        ("first boot has nothing to open", boot("first_boot"), 29, Verdict(wait_until=START + LIMIT)),
        ("first boot too late", boot("first_boot"), 30, Verdict(error_code="no_phone_home")),
        ("imaged", reported("image", ok=True, sha256=DIGEST, bytes_written=100), 31, Verdict(passed=True)),
        ("erased", reported("erase", ok=True), 1, Verdict(passed=True)),
        ("home", reported("first_boot", ok=True, hostname="gpu-01"), 1, Verdict(passed=True)),
    ],
)
def test_judgement(_case, token, minutes, expected):
    step = STEPS[BootPurpose(token.purpose)] if token else STEPS[BootPurpose.IMAGE]

    assert judge(waiting_part(), token, step, START + timedelta(minutes=minutes)) == expected


@pytest.mark.parametrize(
    "_case,token,code",
    [
        ("other digest", reported("image", ok=True, sha256="b" * 64, bytes_written=100), "image_checksum_mismatch"),
        ("fewer bytes", reported("image", ok=True, sha256=DIGEST, bytes_written=99), "image_checksum_mismatch"),
        ("said so", reported("image", ok=False, error="disk_too_small", detail="1 < 2"), "disk_too_small"),
        ("unknown code", reported("erase", ok=False, error="made_up"), "agent_error"),
        ("not a code", reported("erase", ok=False, error=["x"]), "agent_error"),
        ("empty report", reported("erase"), "agent_error"),
        ("no rescue", reported("rescue", ok=False, error="agent_error"), "agent_error"),
        ("other host name", reported("first_boot", ok=True, hostname="gpu-02"), "ssh_wrong_hostname"),
    ],
)
def test_a_bad_report_fails_with_its_reason(_case, token, code):
    verdict = judge(waiting_part(), token, STEPS[BootPurpose(token.purpose)], START)

    assert (verdict.passed, verdict.error_code) == (False, code)


@pytest.mark.parametrize(
    "keys, code", [(["A"], ""), (["A comment"], ""), (["B"], "host_key_unexpected"), (None, "host_key_unexpected")]
)
def test_a_rescue_system_has_the_host_key_that_it_was_given(keys, code):
    part, given = waiting_part(), "ssh-ed25519 A"
    part.expected_host_key = given
    result = {} if keys is None else {"host_keys": [f"ssh-ed25519 {key}" for key in keys]}

    verdict = judge(part, reported("rescue", ok=True, **result), STEPS[BootPurpose.RESCUE], START)

    assert (verdict.passed, verdict.error_code) == (not code, code)
