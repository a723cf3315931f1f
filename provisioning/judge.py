"""Judging machines' reports: pure functions from rows to a verdict."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.operations.failures import FAILURES
from portal.operations.models import BootPurpose, BootToken, OperationServer
from provisioning.catalogue import AwaitStep, scaled


@dataclass(frozen=True)
class Verdict:
    """What becomes of a waiting part: ``passed``, ``failed`` with a code, or wait until ``wait_until``."""

    passed: bool = False
    error_code: str = ""
    detail: str = ""
    wait_until: datetime | None = None


def judge(part: OperationServer, boot: BootToken | None, step: AwaitStep, now: datetime) -> Verdict:
    """Judge a part that waits at ``step``, given its valid boot."""
    started = part.step_started_at
    if boot is not None and boot.reported_at:
        return _judge_report(part, boot)
    limit = started + scaled(step.time_limit)
    if now >= limit:
        return Verdict(error_code=step.late_code)
    if boot is not None and (boot.opened_at or boot.purpose == BootPurpose.FIRST_BOOT):
        return Verdict(wait_until=limit)
    first_word = started + min(scaled(step.open_limit), scaled(step.time_limit))
    if now >= first_word:
        return Verdict(error_code=step.silent_code)
    return Verdict(wait_until=first_word)


def _judge_report(part: OperationServer, boot: BootToken) -> Verdict:
    result = boot.result
    if not result.get("ok"):
        code = str(result.get("error", ""))
        return Verdict(error_code=code if code in FAILURES else "agent_error", detail=str(result.get("detail", "")))
    if boot.purpose == BootPurpose.IMAGE:
        return _judge_image(part, result)
    if boot.purpose == BootPurpose.FIRST_BOOT and result.get("hostname") != part.hostname:
        return Verdict(error_code="ssh_wrong_hostname", detail=str(result.get("hostname"))[:200])
    has_host_key = boot.purpose in (BootPurpose.FIRST_BOOT, BootPurpose.RESCUE)
    if has_host_key and not _has_its_host_key(part, result):
        return Verdict(error_code="host_key_unexpected", detail=str(result.get("host_keys"))[:200])
    return Verdict(passed=True)


def _judge_image(part: OperationServer, result: dict[str, object]) -> Verdict:
    image = part.operation.image
    if image is None or result.get("sha256") != image.disk_sha256 or result.get("bytes_written") != image.disk_bytes:
        return Verdict(error_code="image_checksum_mismatch", detail=f"read back {str(result.get('sha256'))[:64]}")
    return Verdict(passed=True)


def _has_its_host_key(part: OperationServer, result: dict[str, object]) -> bool:
    """Tell whether a machine has the host key that it was given, and no other; the comments of keys do not count."""
    reported = result.get("host_keys")
    keys = {" ".join(str(line).split()[:2]) for line in reported} if isinstance(reported, list) else set()
    return not part.expected_host_key or keys == {part.expected_host_key}


def waiting_time(step: AwaitStep) -> timedelta:
    """Return after how long a part that has just begun to wait is to be looked at."""
    return min(scaled(step.open_limit), scaled(step.time_limit))
