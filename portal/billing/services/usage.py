"""Making a month's usage final, and correcting it later by rows of their own."""

from collections.abc import Iterator
from datetime import date, timedelta

from django.db import transaction

from portal.audit.services import record
from portal.billing.histories import held_of
from portal.billing.metering import powered
from portal.billing.models import Meter, UsageRecord
from portal.billing.selectors.measured import served_in, switches_of
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import InvalidInput, StateConflict
from portal.core.months import span_of
from portal.core.periods import Period
from portal.reservations.models import Allocation
from portal.tenancy.models import Organization

BATCH = 2000


def measure(organization: Organization, month: date, recorded_by: str) -> Iterator[UsageRecord]:
    """Yield the records of a month as they are known now, unsaved: two for each allocation that was held in it."""
    span = span_of(month)
    rows = (
        Allocation.objects.select_related("reservation")
        .only(
            "state",
            "server_id",
            "position",
            "occupied",
            "turnover",
            "ready_at",
            "reservation__handed_over_at",
            "reservation__public_id",
        )
        .filter(served_in(span), reservation__organization=organization)
        .order_by("reservation", "position", "pk")
    )
    known = list(rows)
    switches = switches_of(sorted({row.reservation.public_id for row in known}), span.end)
    for row in known:
        handed_over_at = row.reservation.handed_over_at
        held = held_of(row, handed_over_at) if handed_over_at else None
        within = held.within(span) if held else None
        if held is None or within is None:
            continue
        # Switched before the month, on or off as it was left then.
        switched = [
            (at, on) for at, on in switches.get((row.reservation.public_id, row.server_id), []) if at > held.start
        ]
        for meter, length in ((Meter.RESERVED, within.duration), (Meter.POWERED, powered(within, switched))):
            yield UsageRecord(
                organization=organization,
                reservation=row.reservation,
                allocation=row,
                server_id=row.server_id,
                position=row.position,
                meter=meter,
                month=month,
                period=within.as_range(),
                duration=length,
                recorded_by=recorded_by[:200],
            )


@transaction.atomic
def finalise_usage(*, actor: Actor, organization: Organization, month: date) -> int:
    """Write the records of a month that is over; return how many. What is written already stays.

    What is known otherwise by now of an earlier written one is a row with the next revision. Raises StateConflict by
    way of the database where two do it at once. Call it under the lock of ``close_month``.
    """
    latest = {
        (row.allocation_id, row.meter): row
        for row in UsageRecord.objects.filter(organization=organization, month=month).order_by("revision")
    }
    made = []
    for row in measure(organization, month, actor.label):
        before = latest.get((row.allocation_id, row.meter))
        if before is not None:
            # What a person corrected is not corrected back.
            if before.duration == row.duration or before.revision > 0:
                continue
            row.revision, row.reason = before.revision + 1, "known later"
        made.append(row)
    UsageRecord.objects.bulk_create(made, batch_size=BATCH)
    return len(made)


@transaction.atomic
def correct_usage(*, actor: Actor, usage: UsageRecord, period: Period | None, reason: str) -> UsageRecord:
    """Say what a record should have counted; what follows of it is on the next invoice.

    None: nothing at all. The record stays; the correction is a row of its own. Raises InvalidInput on ``period``
    outside of the month and on ``reason``, StateConflict for one of the other meter, and where it was corrected
    meanwhile.
    """
    if not reason.strip():
        raise InvalidInput.of("reason", "required", "Say why: it stands with the usage.")
    month = span_of(usage.month)
    if period is not None and not (month.start <= period.start and period.end <= month.end):
        raise InvalidInput.of("period", "outside_month", f"Stay within {usage.month:%B %Y} (UTC).")
    if usage.meter != Meter.RESERVED:
        raise StateConflict("Only the time for which a server was reserved is billed and can be corrected.")
    made = UsageRecord(
        organization_id=usage.organization_id,
        reservation_id=usage.reservation_id,
        allocation_id=usage.allocation_id,
        server_id=usage.server_id,
        position=usage.position,
        meter=usage.meter,
        month=usage.month,
        revision=usage.revision + 1,
        period=period.as_range() if period else None,
        duration=period.duration if period else timedelta(0),
        reason=reason[:200],
        recorded_by=actor.label[:200],
    )
    with refuse("usage_revision_once", StateConflict("It was corrected meanwhile; look again.")):
        made.save()
    record(
        actor=actor,
        verb="usage.corrected",
        target=usage.reservation.public_id,
        scope=usage.organization.public_id,
        data={
            "month": f"{usage.month:%Y-%m}",
            "server": usage.server.public_id,
            "from_s": str(usage.duration.total_seconds()),
            "to_s": str(made.duration.total_seconds()),
            "reason": reason,
        },
    )
    return made
