"""Keeping what was found when a delivered server was checked, and with which key it logs in to the others."""

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


@transaction.atomic
def keep_cluster_key(*, actor: Actor, claim: Claim, part: OperationServer, public_key: str) -> None:
    """Keep the public half of the key that a server made to log in to the others. Raises ClaimLost."""
    guard(claim)
    OperationServer.objects.filter(pk=part.pk).update(cluster_key=public_key)
    record(
        actor=actor,
        verb="acceptance.cluster_key",
        target=part.server.public_id,
        data={"operation": part.operation.public_id, "public_key": public_key},
    )
