"""Acceptance: what servers were made to say of themselves is judged, and the report kept, before they go on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from portal.core.actors import SYSTEM
from portal.fleet.models import Drive, ServerType
from portal.operations.models import OperationServer
from portal.operations.services.acceptance import keep_reports
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


def references_of(parts: Sequence[OperationServer]) -> dict[OperationServer, Reference]:
    """Return what each part's server must be: its type's promises, and its own drives."""
    serials: dict[int, list[str]] = defaultdict(list)
    drives = Drive.objects.filter(server__in=[part.server_id for part in parts]).order_by("serial")
    for server_pk, serial in drives.values_list("server_id", "serial"):
        serials[server_pk].append(serial)
    return {part: _reference(part.server.server_type, serials[part.server_id]) for part in parts}


def _reference(kind: ServerType, serials: Sequence[str]) -> Reference:
    return Reference(
        gpu_model=kind.gpu_model,
        gpu_count=kind.gpu_count,
        is_emulated=kind.is_emulated,
        driver=kind.gpu_driver,
        nvlinks=kind.nvlinks,
        ports=kind.fabric_ports,
        link_rate_gbps=kind.link_rate_gbps,
        drives=tuple(serials),
    )


def accept(lease: Lease, documents: Mapping[OperationServer, str]) -> dict[int, tuple[str, str]]:
    """Judge servers by what they said and keep the reports; return code and detail of the first failure, by the part.

    One that passes has none. Raises ClaimLost.
    """
    refused, reports = {}, {}
    for part, reference in references_of(list(documents)).items():
        try:
            collected = read_collected(documents[part])
        except Unreadable as error:
            refused[part.pk] = "acceptance_unreadable", f"What the server said of itself cannot be read: {error}"
            continue
        checks = checks_of(collected, reference)
        reports[part] = report_of(collected, checks)
        if failed := failures(checks):
            refused[part.pk] = FAILURE_OF[failed[0].name], "; ".join(map(_words, failed))
    keep_reports(actor=SYSTEM, claim=lease.claim, documents=reports)
    return refused


def _words(check: Check) -> str:
    return f"{check.name}: expected {check.expected}, found {check.found}"
