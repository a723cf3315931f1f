"""The step that checks BMCs: before it the next password is kept, after it what was reported is kept and judged."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from portal.core.actors import SYSTEM
from portal.fleet import controllers
from portal.operations.models import OperationServer
from portal.operations.services import claims
from portal.operations.states import OperationKind
from provisioning.baseline import Finding, findings_of, firmware_of
from provisioning.claim import Lease


def prepare(lease: Lease, part: OperationServer) -> None:
    """Keep the password that the server's BMC is about to be given. Raises ClaimLost."""
    with transaction.atomic():
        claims.guard(lease.claim)
        controllers.prepare_password(actor=SYSTEM, server=part.server)
    part.server.bmc.refresh_from_db()


def _record_order(part: OperationServer, report: Mapping[str, Any]) -> None:
    """Let what a server boots from before it ever had a tenant be the record, where there is none."""
    order = report.get("controller", {}).get("boot", {}).get("order", [])
    if order and not part.server.bmc.boot_order:
        controllers.record_boot_order(actor=SYSTEM, server=part.server, boot_order=order)


def settle(lease: Lease, part: OperationServer, report: Mapping[str, Any]) -> list[Finding]:
    """Keep the password that was proved and what was found; return what is not as it should be. Raises ClaimLost."""
    with transaction.atomic():
        claims.guard(lease.claim)
        if report.get("password") == "changed":
            controllers.keep_password(actor=SYSTEM, server=part.server)
        if part.operation.kind == OperationKind.INSPECT:
            _record_order(part, report)
        recorded = controllers.recorded_of(part.server)
        try:
            findings, firmware = findings_of(report, recorded), firmware_of(report, recorded)
        except (KeyError, TypeError) as error:
            findings, firmware = [Finding("bmc_refused", f"no full report: {error!r}"[:200])], []
        controllers.record_check(
            actor=SYSTEM,
            server=part.server,
            operation_id=part.operation.public_id,
            firmware=firmware,
            findings=[f"{finding.code}: {finding.detail}" for finding in findings],
        )
    return findings
