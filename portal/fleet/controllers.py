"""What happens to servers' BMCs: their passwords change, and what they are like is held against what is recorded."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from portal.audit.services import record, target_of
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import FieldError, InvalidInput, StateConflict
from portal.core.locks import lock_row
from portal.core.secrets import encrypt
from portal.fleet.models import BMC, FirmwareBaseline, FirmwareReading, Server, ServerType
from portal.fleet.states import ServerState

PASSWORD_CHARACTERS = 20
"""IPMI 2.0 takes no more (section 22.30, Set User Password), and some BMCs keep to that for Redfish too."""
RECORDED_IN = (
    ServerState.ENROLLED,
    ServerState.INSPECTING,
    ServerState.INSPECT_FAILED,
    ServerState.MAINTENANCE,
    ServerState.QUARANTINED,
)
"""States in which the provider's own people have a server in hand, so that what it is like may become the record."""
LONGEST_ORDER = 64
LONGEST_WORD = 100


@dataclass(frozen=True)
class Recorded:
    """What a server's BMC should be like."""

    username: str
    accounts: tuple[str, ...]
    boot_order: tuple[str, ...]
    firmware: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Firmware:
    """One component as it was found (``version`` empty: missing) and should be (``expected`` empty: not listed)."""

    component: str
    version: str
    expected: str
    matches: bool


def recorded_of(server: Server) -> Recorded:
    """Return what the BMC of a server should be like."""
    bmc = BMC.objects.get(server=server)
    baselines = FirmwareBaseline.objects.filter(server_type=server.server_type_id)
    return Recorded(
        username=bmc.username,
        accounts=tuple(server.server_type.bmc_accounts),
        boot_order=tuple(bmc.boot_order),
        firmware={row.component: tuple(row.versions) for row in baselines},
    )


@transaction.atomic
def prepare_password(*, actor: Actor, server: Server) -> None:
    """Make the next password of a server's BMC and keep it, before anybody sets it.

    One that is kept already stays: it may be the one that the BMC has taken.
    """
    bmc = lock_row(BMC, server.bmc.pk)
    if bmc.next_password_encrypted:
        return
    bmc.next_password_encrypted = encrypt(_new_password())
    bmc.save(update_fields=["next_password_encrypted"])
    record(actor=actor, verb="server.bmc_password_prepared", target=server.public_id)


@transaction.atomic
def keep_password(*, actor: Actor, server: Server) -> None:
    """Note that the next password of a server's BMC is proved to be the only one; without one nothing changes."""
    bmc = lock_row(BMC, server.bmc.pk)
    if not bmc.next_password_encrypted:
        return
    bmc.password_encrypted, bmc.next_password_encrypted = bmc.next_password_encrypted, ""
    bmc.password_changed_at = clock.now()
    bmc.save(update_fields=["password_encrypted", "next_password_encrypted", "password_changed_at"])
    record(actor=actor, verb="server.bmc_password_changed", target=server.public_id)


def _new_password() -> str:
    """Return a random password of at least 108 bits with the kinds of characters that BMCs ask for."""
    while True:
        password = "-" + secrets.token_urlsafe(PASSWORD_CHARACTERS)[: PASSWORD_CHARACTERS - 1]
        if any(map(str.islower, password)) and any(map(str.isupper, password)) and any(map(str.isdigit, password)):
            return password


@transaction.atomic
def record_check(
    *, actor: Actor, server: Server, operation_id: str, firmware: Sequence[Firmware], findings: Sequence[str]
) -> None:
    """Keep what was found out about a server's BMC in an operation. A second check in it replaces the first."""
    of_this = FirmwareReading.objects.filter(server=server, operation_id_text=operation_id)
    of_this.exclude(component__in=[item.component for item in firmware]).delete()
    for item in firmware:
        FirmwareReading.objects.update_or_create(
            server=server,
            operation_id_text=operation_id,
            component=item.component,
            defaults={
                # A component that is named more than once has all of its versions here.
                "version": item.version[:LONGEST_WORD],
                "expected": item.expected[:400],
                "matches": item.matches,
                "at": clock.now(),
            },
        )
    record(
        actor=actor,
        verb="server.bmc_checked",
        target=server.public_id,
        data={"operation": operation_id, "findings": list(findings)},
    )


@transaction.atomic
def record_boot_order(*, actor: Actor, server: Server, boot_order: Sequence[str]) -> None:
    """Record what a server boots from, first to last, as its BMC names it.

    Raises InvalidInput on ``boot_order``, StateConflict while the server is in the pool or in a tenant's hands.
    """
    order = [entry.strip() for entry in boot_order if entry.strip()]
    if not order or len(order) > LONGEST_ORDER or len(set(order)) < len(order) or max(map(len, order)) > LONGEST_WORD:
        reason = f"Name 1 to {LONGEST_ORDER} different boot options, each of at most {LONGEST_WORD} characters."
        raise InvalidInput(reason, errors=[FieldError("boot_order", "invalid", reason)])
    state = lock_row(Server, server.pk).state
    if state not in RECORDED_IN:
        raise StateConflict(f"{server.name} is {state}; what it boots from is recorded before it is in the pool.")
    bmc = lock_row(BMC, server.bmc.pk)
    before, bmc.boot_order = bmc.boot_order, order
    if before == order:
        return
    bmc.save(update_fields=["boot_order"])
    record(
        actor=actor,
        verb="server.boot_order_recorded",
        target=server.public_id,
        data={"from": before, "to": order},
    )


@transaction.atomic
def set_baseline(
    *, actor: Actor, server_type: ServerType, firmware: Mapping[str, Sequence[str]], accounts: Sequence[str]
) -> None:
    """Set what the BMCs of servers of a type may run, and which accounts beside ours they may have.

    What is not listed may not be there. Raises InvalidInput on ``firmware`` or ``accounts``.
    """
    _require_firmware(firmware)
    _require_accounts(accounts)
    fresh = lock_row(ServerType, server_type.pk)
    rows = FirmwareBaseline.objects.filter(server_type=fresh)
    before = {"firmware": {row.component: row.versions for row in rows}, "accounts": fresh.bmc_accounts}
    after = {"firmware": {name: list(versions) for name, versions in firmware.items()}, "accounts": list(accounts)}
    if before == after:
        return
    rows.delete()
    FirmwareBaseline.objects.bulk_create(
        FirmwareBaseline(server_type=fresh, component=name, versions=list(versions))
        for name, versions in firmware.items()
    )
    fresh.bmc_accounts = list(accounts)
    fresh.save(update_fields=["bmc_accounts"])
    record(
        actor=actor,
        verb="server_type.bmc_baseline_set",
        target=target_of(fresh),
        data={"slug": fresh.slug, "from": before, "to": after},
    )


def _require_firmware(firmware: Mapping[str, Sequence[str]]) -> None:
    for name, versions in firmware.items():
        named = [name, *versions]
        if (
            not versions
            or not all(0 < len(word) <= LONGEST_WORD for word in named)
            or len(set(versions)) < len(versions)
        ):
            reason = (
                f"{name[:40] or 'A component'}: give a name and different versions of 1 to {LONGEST_WORD} characters."
            )
            raise InvalidInput(reason, errors=[FieldError("firmware", "invalid", reason)])


def _require_accounts(accounts: Sequence[str]) -> None:
    if not all(0 < len(name) <= LONGEST_WORD for name in accounts) or len(set(accounts)) < len(accounts):
        reason = f"Give different names of 1 to {LONGEST_WORD} characters."
        raise InvalidInput(reason, errors=[FieldError("accounts", "invalid", reason)])
