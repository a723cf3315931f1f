"""Looking at new hardware before it is sold: what was found is kept, and each difference from what is sold is named."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from portal.audit.services import record, target_of
from portal.audit.transitions import advance
from portal.core.actors import Actor
from portal.core.locks import lock_row
from portal.fleet.models import BillOfMaterials, Inspection, Server, ServerType
from portal.fleet.states import ServerState

GIB = 1024**3
MEMORY_SHARE = 0.95
"""Least share of the memory that is sold that a system must see: firmware and kernel keep some for themselves.

Only where the firmware does not list the modules: by this share one of 32 could be missing.
"""
LONGEST_REASON = 300


def differences_of(server: Server, inventory: Mapping[str, Any]) -> list[str]:
    """Name each difference between what was found and what a server of its type is made of, in words for staff."""
    kind = server.server_type
    bill = BillOfMaterials.objects.filter(server_type=kind).first()
    if bill is None:
        return ["bill of materials: none is recorded for this type"]
    return [
        *_identity(server, inventory),
        *_memory(kind, inventory),
        *_gpus(kind, bill, inventory["gpus"]),
        *_nics(server, bill, inventory["nics"]),
        *_drives(server, bill, inventory["drives"]),
    ]


def _identity(server: Server, inventory: Mapping[str, Any]) -> list[str]:
    serial = inventory["system"]["serial"]
    return [] if serial == server.serial else [f"serial number: {serial or 'none'} found, {server.serial} recorded"]


def _memory(kind: ServerType, inventory: Mapping[str, Any]) -> list[str]:
    found = inventory["memory_bytes"] / GIB
    share = 1 if inventory.get("memory_is_listed") else MEMORY_SHARE
    told = f"{int(found * 10) / 10:g}"
    return [] if found >= kind.memory_gb * share else [f"memory: {told} GB found, {kind.memory_gb} GB sold"]


def _gpus(kind: ServerType, bill: BillOfMaterials, gpus: Sequence[Mapping[str, str]]) -> list[str]:
    ids = [f"{gpu['vendor']}:{gpu['device']}" for gpu in gpus]
    wrong = sorted(set(ids) - set(bill.gpu_pci_ids))
    count = [] if len(ids) == kind.gpu_count else [f"GPUs: {len(ids)} found, {kind.gpu_count} sold"]
    return count + [f"GPU model: {name} found, {' or '.join(bill.gpu_pci_ids)} sold" for name in wrong]


def _nics(server: Server, bill: BillOfMaterials, nics: Sequence[Mapping[str, Any]]) -> list[str]:
    fast = [nic for nic in nics if nic["speed_mbps"] >= bill.nic_speed_mbps]
    found = {nic["mac"].lower() for nic in nics}
    missing = [nic.mac for nic in server.nics.order_by("pk") if nic.mac.lower() not in found]
    count = f"network ports: {len(fast)} of {bill.nic_speed_mbps} Mbit/s found, {bill.nic_count} sold"
    return ([] if len(fast) >= bill.nic_count else [count]) + [f"network port {mac}: not found" for mac in missing]


def _drives(server: Server, bill: BillOfMaterials, drives: Sequence[Mapping[str, Any]]) -> list[str]:
    found = {drive["serial"]: drive["size_bytes"] for drive in drives}
    known = set(server.drives.values_list("serial", flat=True))
    count = [] if len(drives) == bill.drive_count else [f"drives: {len(drives)} found, {bill.drive_count} sold"]
    small = [
        f"drive {serial}: {size} bytes found, {bill.drive_bytes} sold"
        for serial, size in sorted(found.items())
        if size < bill.drive_bytes
    ]
    strange = [f"drive {serial}: found but not recorded" for serial in sorted(set(found) - known)]
    return count + small + strange + [f"drive {serial}: not found" for serial in sorted(known - set(found))]


def begin_inspection(*, actor: Actor, server: Server, reason: str) -> None:
    """Begin to look at a server's hardware. Raises StateConflict."""
    advance(server, ServerState.INSPECTING, actor=actor, reason=reason)


@transaction.atomic
def record_inspection(*, actor: Actor, server: Server, operation_id: str, inventory: Mapping[str, Any]) -> list[str]:
    """Keep what was found and return each difference; the same report twice is kept once."""
    differences = differences_of(server, inventory)
    _, created = Inspection.objects.get_or_create(
        operation_id_text=operation_id,
        defaults={"server": server, "inventory": dict(inventory), "differences": differences},
    )
    if created:
        record(
            actor=actor,
            verb="server.inspected",
            target=server.public_id,
            data={"operation": operation_id, "differences": differences},
        )
    return differences


@transaction.atomic
def fail_inspection(*, actor: Actor, server: Server, operation_id: str, reason: str) -> None:
    """Note that a server is not what was bought, or could not be looked at. Raises StateConflict."""
    found = Inspection.objects.filter(operation_id_text=operation_id).first()
    words = "; ".join(found.differences) if found else ""
    advance(
        server,
        ServerState.INSPECT_FAILED,
        actor=actor,
        reason=(f"{reason} ({words})" if words else reason)[:LONGEST_REASON],
    )


@transaction.atomic
def set_bill(
    *,
    actor: Actor,
    server_type: ServerType,
    gpu_pci_ids: Sequence[str],
    nic_count: int,
    nic_speed_mbps: int,
    drive_count: int,
    drive_bytes: int,
) -> None:
    """Set what servers of a type are made of; the next inspection is held against it."""
    kind = lock_row(ServerType, server_type.pk)
    values = {
        "gpu_pci_ids": [name.lower() for name in gpu_pci_ids],
        "nic_count": nic_count,
        "nic_speed_mbps": nic_speed_mbps,
        "drive_count": drive_count,
        "drive_bytes": drive_bytes,
    }
    BillOfMaterials.objects.update_or_create(server_type=kind, defaults=values)
    record(actor=actor, verb="server_type.bill_set", target=target_of(kind), data={"slug": kind.slug, **values})
