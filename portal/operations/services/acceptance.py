"""Keeping what was found when a delivered server was checked."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.db import transaction

from portal.audit.services import record
from portal.core import clock
from portal.core.actors import Actor
from portal.operations.models import AcceptanceReport, OperationServer
from portal.operations.services.claims import Claim, guard


@transaction.atomic
def keep_report(*, actor: Actor, claim: Claim, part: OperationServer, document: Mapping[str, Any]) -> AcceptanceReport:
    """Keep the report on one server; a step that is done again replaces it. Raises ClaimLost."""
    guard(claim)
    digest = sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    report, _made = AcceptanceReport.objects.update_or_create(
        part=part, defaults={"document": dict(document), "at": clock.now()}
    )
    record(
        actor=actor,
        verb="acceptance.reported",
        target=part.server.public_id,
        data={"operation": part.operation.public_id, "verdict": document["verdict"], "sha256": digest},
    )
    return report
