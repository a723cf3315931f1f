"""What machines report. Nothing here moves a machine on: a report is kept, a worker is woken, and it judges.

A wrong, old or reused token changes nothing, raises BootTokenRefused and is audited.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.db import models, transaction

from portal.audit.services import record
from portal.core import clock, secrets
from portal.core.actors import Actor, ActorKind
from portal.core.errors import BootTokenRefused
from portal.core.locks import lock_row
from portal.operations.models import BootPurpose, BootToken, Operation, OperationServer
from portal.operations.on_machine import key_line
from portal.operations.services.events import tell
from portal.operations.services.queue import wake_for_report
from portal.operations.services.steps import replace_boots
from portal.operations.states import OPEN_OPERATION, OPEN_PART

FIRST_BOOT_TTL = timedelta(hours=2)
VERIFY_KEY_TTL = timedelta(hours=4)
"""As long as an operation may run: a server may wait for the slowest of its cluster."""
STAGE_OF = {
    BootPurpose.IMAGE: "image",
    BootPurpose.ERASE: "erase",
    BootPurpose.INSPECT: "inspection",
    BootPurpose.FIRST_BOOT: "first_boot",
    BootPurpose.RESCUE: "rescue",
}
JOBS = (BootPurpose.IMAGE, BootPurpose.ERASE, BootPurpose.INSPECT, BootPurpose.RESCUE)
"""What a ramdisk is booted for."""


@dataclass(frozen=True)
class BootJob:
    """What a booted ramdisk is to do."""

    part: OperationServer
    purpose: BootPurpose
    phone_home_token: str = ""
    verify_key_line: str = ""
    host_key: str = ""
    """Private SSH host key, made for this system and kept nowhere."""
    host_key_public: str = ""


def _agent(address: str) -> Actor:
    return Actor(ActorKind.AGENT, address or "unknown", f"machine at {address or 'unknown'}")


def _boots(token: str) -> models.QuerySet[BootToken]:
    return BootToken.objects.select_related("part__operation__image", "part__server").filter(
        token_sha256=sha256(token.encode()).hexdigest()
    )


def _find(token: str, purposes: Sequence[BootPurpose], *, with_operation: bool = False) -> BootToken:
    """Lock and return the valid boot of ``token``. Raises BootTokenRefused.

    The part is locked before its boot, and the operation before both, as those who work on them do: the other way
    round a report and a cancellation would wait for each other.
    """
    known = _boots(token).filter(purpose__in=purposes).first()
    if known is None:
        raise BootTokenRefused("This token names no boot.")
    if with_operation:
        lock_row(Operation, known.part.operation_id)
    lock_row(OperationServer, known.part_id)
    lock_row(BootToken, known.pk)
    boot = _boots(token).get()
    if boot.revoked_at or boot.expires_at <= clock.now():
        raise BootTokenRefused("This token's boot is over.")
    if boot.reported_at:
        raise BootTokenRefused("This token's boot has reported already.")
    if boot.part.state not in OPEN_PART or boot.part.operation.state not in OPEN_OPERATION:
        raise BootTokenRefused("The operation of this boot is over.")
    return boot


def refuse(*, token: str, address: str, what: str, error: BootTokenRefused) -> None:
    """Keep a refused report in the audit record."""
    fingerprint = sha256(token.encode()).hexdigest()[:16]
    boot = _boots(token).first()
    record(
        actor=_agent(address),
        verb="boot.refused",
        target=boot.part.server.public_id if boot else f"token:{fingerprint}",
        data={"what": what, "reason": error.detail, "token_sha256_prefix": fingerprint},
    )


@transaction.atomic
def _open(token: str, address: str) -> BootJob:
    # Events of one reservation are told under its operation's lock: a reader that follows them by id misses none.
    boot = _find(token, JOBS, with_operation=True)
    if boot.opened_at:
        raise BootTokenRefused("The job of this boot was fetched already.")
    BootToken.objects.filter(pk=boot.pk).update(opened_at=clock.now())
    part = boot.part
    if part.operation.subject:
        tell(
            actor=_agent(address),
            subject=part.operation.subject,
            event_type=f"step.{STAGE_OF[BootPurpose(boot.purpose)]}.opened",
            part=part,
        )
    if boot.purpose == BootPurpose.RESCUE:
        return _rescue_job(part)
    if boot.purpose != BootPurpose.IMAGE:
        return BootJob(part, BootPurpose(boot.purpose))
    private, public = _key_pair()
    host_private, host_public = _key_pair()
    OperationServer.objects.filter(pk=part.pk).update(
        verify_key_encrypted=secrets.encrypt(private), expected_host_key=host_public
    )
    return BootJob(
        part,
        BootPurpose.IMAGE,
        phone_home_token=replace_boots(part_pks=[part.pk], purpose=BootPurpose.FIRST_BOOT, valid_for=FIRST_BOOT_TTL)[
            part.pk
        ],
        verify_key_line=key_line(public, clock.now() + VERIFY_KEY_TTL),
        host_key=host_private,
        host_key_public=host_public,
    )


def _rescue_job(part: OperationServer) -> BootJob:
    private, public = _key_pair()
    OperationServer.objects.filter(pk=part.pk).update(expected_host_key=public)
    return BootJob(part, BootPurpose.RESCUE, host_key=private, host_key_public=public)


def _key_pair() -> tuple[str, str]:
    """Return a fresh SSH key, private and public, in OpenSSH's forms."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return private, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def open_boot(*, token: str, address: str) -> BootJob:
    """Give a booted machine its job, once. Raises BootTokenRefused."""
    try:
        return _open(token, address)
    except BootTokenRefused as error:
        refuse(token=token, address=address, what="open", error=error)
        raise


@transaction.atomic
def _progress(token: str, percent: int) -> None:
    boot = _find(token, JOBS)
    if not boot.opened_at:
        raise BootTokenRefused("The job of this boot was not fetched yet.")
    OperationServer.objects.filter(pk=boot.part_id, stage=STAGE_OF[BootPurpose(boot.purpose)]).update(percent=percent)


def report_progress(*, token: str, address: str, percent: int) -> None:
    """Keep how far a machine is, 0 to 100 percent of its job. Raises BootTokenRefused."""
    try:
        _progress(token, percent)
    except BootTokenRefused as error:
        refuse(token=token, address=address, what="progress", error=error)
        raise


@transaction.atomic
def _report(token: str, purposes: Sequence[BootPurpose], result: dict[str, Any]) -> None:
    boot = _find(token, purposes)
    if boot.purpose != BootPurpose.FIRST_BOOT and not boot.opened_at:
        raise BootTokenRefused("The job of this boot was not fetched yet.")
    BootToken.objects.filter(pk=boot.pk).update(reported_at=clock.now(), result=result)
    transaction.on_commit(partial(wake_for_report, boot.part.operation_id))


def report_done(*, token: str, address: str, result: dict[str, Any]) -> None:
    """Keep the result of a ramdisk's job, once. Raises BootTokenRefused."""
    try:
        _report(token, JOBS, result)
    except BootTokenRefused as error:
        refuse(token=token, address=address, what="done", error=error)
        raise


def phone_home(*, token: str, address: str, hostname: str, host_keys: Sequence[str]) -> None:
    """Keep that a machine finished its first boot, and its SSH host keys, once. Raises BootTokenRefused."""
    try:
        _report(
            token,
            (BootPurpose.FIRST_BOOT,),
            {"ok": True, "hostname": hostname, "host_keys": list(host_keys)},
        )
    except BootTokenRefused as error:
        refuse(token=token, address=address, what="phone_home", error=error)
        raise
