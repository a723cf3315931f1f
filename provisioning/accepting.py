"""Acceptance: what servers were made to say of themselves is judged, and the report kept, before they go on."""

from collections.abc import Sequence
from pathlib import Path

from portal.core.actors import SYSTEM
from portal.operations.models import OperationServer
from portal.operations.services.acceptance import keep_report
from provisioning.acceptance.collected import MOST_CHARS, Unreadable, read_collected
from provisioning.acceptance.verdict import FAILURE_OF, Check, Reference, checks_of, failures, report_of
from provisioning.claim import Lease


def kept_in(folder: Path, parts: Sequence[OperationServer]) -> dict[int, str]:
    """Return what the playbook kept of each server, by the part's pk; of one that kept nothing, nothing."""
    found = {}
    for part in parts:
        path = folder / f"{part.server.public_id}.json"
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as file:
                found[part.pk] = file.read(MOST_CHARS + 1)
    return found


def reference_of(part: OperationServer) -> Reference:
    """Return what the part's server must be: its type's promises, and its own drives."""
    kind = part.server.server_type
    return Reference(
        gpu_model=kind.gpu_model,
        gpu_count=kind.gpu_count,
        is_emulated=kind.is_emulated,
        driver=kind.gpu_driver,
        nvlinks=kind.nvlinks,
        ports=kind.fabric_ports,
        link_rate_gbps=kind.link_rate_gbps,
        drives=tuple(sorted(part.server.drives.values_list("serial", flat=True))),
    )


def accept(lease: Lease, part: OperationServer, document: str) -> tuple[str, str] | None:
    """Judge one server and keep its report; return code and detail of the first failure, None where there is none.

    Raises ClaimLost.
    """
    try:
        collected = read_collected(document)
    except Unreadable as error:
        return "acceptance_unreadable", f"What the server said of itself cannot be read: {error}"
    checks = checks_of(collected, reference_of(part))
    failed = failures(checks)
    keep_report(actor=SYSTEM, claim=lease.claim, part=part, document=report_of(collected, checks))
    return (FAILURE_OF[failed[0].name], "; ".join(map(_words, failed))) if failed else None


def _words(check: Check) -> str:
    return f"{check.name}: expected {check.expected}, found {check.found}"
