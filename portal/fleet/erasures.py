"""Evidence of erasure: keeping what machines report, and judging whether all of a server was erased."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from portal.audit.services import record
from portal.core.actors import Actor
from portal.fleet.models import Erasure, Server


@dataclass(frozen=True)
class DriveReport:
    """What a machine says of one of its drives after erasing it. Sizes and counts are bytes, but for the blocks."""

    serial: str
    model: str
    firmware: str
    size_bytes: int
    method: str
    bytes_erased: int
    verify_mode: str
    bytes_verified: int
    blocks_sampled: int
    residue_bytes: int
    started_at: datetime
    ended_at: datetime


@transaction.atomic
def record_erasures(*, actor: Actor, server: Server, operation_id: str, drives: Sequence[DriveReport]) -> None:
    """Keep what a machine reported of its drives, good or bad; the same report twice is kept once.

    Of a drive that is in the report twice nothing is kept: whichever is true, it is not proved.
    """
    times = Counter(report.serial for report in drives)
    for report in drives:
        if times[report.serial] == 1:
            record_erasure(actor=actor, server=server, operation_id=operation_id, report=report)


@transaction.atomic
def record_erasure(*, actor: Actor, server: Server, operation_id: str, report: DriveReport) -> Erasure:
    """Keep what a machine reported of one drive, good or bad. The same report twice is kept once."""
    facts = asdict(report)
    serial = facts.pop("serial")
    facts["drive_model"], facts["drive_firmware"] = facts.pop("model"), facts.pop("firmware")
    erasure, created = Erasure.objects.get_or_create(
        server=server, operation_id_text=operation_id, drive_serial=serial, defaults=facts
    )
    if created:
        record(
            actor=actor,
            verb="server.erasure_recorded",
            target=server.public_id,
            data={
                "operation": operation_id,
                "drive": serial,
                "method": report.method,
                "residue_bytes": report.residue_bytes,
            },
        )
    return erasure


def flaws_of(server: Server, operation_id: str) -> list[str]:
    """List, in words, all that keeps an operation from proving that every drive of ``server`` was erased.

    Empty when it is proved. A server without drives proves nothing, nor does a report with a drive that nobody knows.
    """
    drives = list(server.drives.order_by("pk"))
    if not drives:
        return ["the server has no known drive"]
    known = {drive.serial for drive in drives}
    kept = {item.drive_serial: item for item in Erasure.objects.filter(server=server, operation_id_text=operation_id)}
    flaws = [f"{serial}: the drive is not known" for serial in sorted(kept.keys() - known)]
    policy = server.server_type.erase_policy
    for drive in drives:
        erasure = kept.get(drive.serial)
        found = ["there is no one report of it"] if erasure is None else erasure.flaws(drive, policy)
        flaws += [f"{drive.serial}: {flaw}" for flaw in found]
    return flaws
