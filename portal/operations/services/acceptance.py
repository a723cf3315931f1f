"""Keeping what was found when a delivered server was checked, and with which key it logs in to the others."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.db import transaction

from portal.audit.services import record_each
from portal.core import clock
from portal.core.actors import Actor
from portal.operations.models import AcceptanceReport, OperationServer
from portal.operations.services.claims import Claim, guard


@transaction.atomic
def keep_reports(*, actor: Actor, claim: Claim, documents: Mapping[OperationServer, Mapping[str, Any]]) -> None:
    """Keep the reports on servers of one operation; a step that is done again replaces them. Raises ClaimLost."""
    operation = guard(claim)
    now = clock.now()
    AcceptanceReport.objects.bulk_create(
        [AcceptanceReport(part=part, document=dict(document), at=now) for part, document in documents.items()],
        update_conflicts=True,
        unique_fields=["part"],
        update_fields=["document", "at"],
    )
    told = {
        part.server.public_id: {
            "operation": operation.public_id,
            "verdict": document["verdict"],
            "sha256": sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest(),
        }
        for part, document in documents.items()
    }
    record_each(actor=actor, verb="acceptance.reported", told=told)


@transaction.atomic
def keep_cluster_keys(*, actor: Actor, claim: Claim, keys: Mapping[OperationServer, str]) -> None:
    """Keep the public halves of the keys that servers made to log in to one another. Raises ClaimLost."""
    operation = guard(claim)
    for part, public_key in keys.items():
        part.cluster_key = public_key
    OperationServer.objects.bulk_update(keys, ["cluster_key"])
    told = {
        part.server.public_id: {"operation": operation.public_id, "public_key": public_key}
        for part, public_key in keys.items()
    }
    record_each(actor=actor, verb="acceptance.cluster_key", told=told)
