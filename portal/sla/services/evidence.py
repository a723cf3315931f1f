"""Taking down what was seen of servers: runs of equal samples grow, other samples begin new ones."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from portal.audit.services import record
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import InvalidInput
from portal.core.periods import Period
from portal.fleet.models import Server
from portal.sla.definitions import CURRENT, Condition, Kind
from portal.sla.models import Evidence
from portal.sla.models.evidence import Source

LATEST = """
SELECT DISTINCT ON (asked.server, asked.kind) run.id, run.server_id, run.kind, run.value, run.until
FROM unnest(%s::bigint[], %s::text[]) AS asked (server, kind)
JOIN LATERAL (
    SELECT * FROM sla_evidence
    WHERE server_id = asked.server AND kind = asked.kind AND source = %s ORDER BY id DESC LIMIT 1
) AS run ON true
"""


class Sample(NamedTuple):
    """What was seen of one server; ``note`` says more where it is not up."""

    server_pk: int
    kind: Kind
    value: Condition
    note: str = ""


@transaction.atomic
def note_samples(*, samples: Sequence[Sample], source: Source, at: datetime) -> int:
    """Take down samples of one source that were taken at one instant; return how many new runs they began.

    A run grows to the sample that ends it, where that comes within the definition's gap. What is older than a run's end
    is left out: another worker was faster.
    """
    runs = {(server, kind): (pk, value, until) for pk, server, kind, value, until in _latest(samples, source)}
    grown: list[int] = []
    begun: list[Evidence] = []
    for sample in samples:
        run = runs.get((sample.server_pk, sample.kind.value))
        if run is not None and run[2] >= at:
            continue
        follows = run is not None and at - run[2] <= timedelta(seconds=CURRENT.gap)
        if run is not None and follows:
            grown.append(run[0])
        if run is None or not follows or run[1] != sample.value:
            begun.append(
                Evidence(
                    server_id=sample.server_pk,
                    kind=sample.kind.value,
                    value=sample.value.value,
                    since=at,
                    until=at,
                    source=source,
                    note=sample.note[:300],
                )
            )
    Evidence.objects.filter(pk__in=grown, until__lt=at).update(until=at)
    Evidence.objects.bulk_create(begun)
    return len(begun)


def _latest(samples: Sequence[Sample], source: Source) -> list[tuple[int, int, str, str, datetime]]:
    servers = [sample.server_pk for sample in samples]
    kinds = [sample.kind.value for sample in samples]
    with connection.cursor() as cursor:
        cursor.execute(LATEST, [servers, kinds, source.value])
        return list(cursor.fetchall())


@transaction.atomic
def correct_evidence(
    *, actor: Actor, server: Server, kind: Kind, value: Condition, period: Period, reason: str
) -> Evidence:
    """Take down what a server was in a past period, over what was recorded before; a month that is measured stays.

    Raises InvalidInput on ``period`` for what is not over, on ``reason`` without one.
    """
    if period.end > clock.now():
        raise InvalidInput.of("period", "not_over", "Only what is past can be corrected: choose an end before now.")
    if not reason.strip():
        raise InvalidInput.of("reason", "required", "Say what it is known from: the customer reads it.")
    row = Evidence.objects.create(
        server=server,
        kind=kind.value,
        value=value.value,
        since=period.start,
        until=period.end,
        source=Source.STAFF,
        note=reason.strip()[:300],
    )
    record(
        actor=actor,
        verb="evidence.corrected",
        target=server.public_id,
        data={"kind": kind.value, "value": value.value, "since": clock.as_rfc3339(period.start), "reason": row.note}
        | {"until": clock.as_rfc3339(period.end)},
    )
    return row
