"""Keeping what was found when delivered servers were checked, alone and together, and their keys for one another."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.db import transaction

from portal.audit.services import record, record_each
from portal.core import clock
from portal.core.actors import Actor
from portal.operations.models import AcceptanceReport, ClusterReport, OperationServer
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
            "sha256": _digest(document),
        }
        for part, document in documents.items()
    }
    record_each(actor=actor, verb="acceptance.reported", told=told)


@transaction.atomic
def keep_cluster(
    *, actor: Actor, claim: Claim, keys: Mapping[OperationServer, str], document: Mapping[str, Any]
) -> None:
    """Keep what was found between the servers of a cluster, and the public halves of the keys that they made.

    A step that is done again replaces both. Raises ClaimLost.
    """
    operation = guard(claim)
    for part, public_key in keys.items():
        part.cluster_key = public_key
    OperationServer.objects.bulk_update(keys, ["cluster_key"])
    kept = {"document": dict(document), "at": clock.now()}
    ClusterReport.objects.update_or_create(operation=operation, defaults=kept)
    told = {
        part.server.public_id: {"operation": operation.public_id, "public_key": public_key}
        for part, public_key in keys.items()
    }
    record_each(actor=actor, verb="acceptance.cluster_key", told=told)
    record(
        actor=actor,
        verb="acceptance.cluster_reported",
        target=operation.public_id,
        data={"verdict": document["verdict"], "sha256": _digest(document)},
    )


def _digest(document: Mapping[str, Any]) -> str:
    return sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
