"""Measuring a month: availability of every server, and the credits that follow, with nothing asked of the customer."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from portal.audit.services import record_each
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import InvalidInput
from portal.core.locks import wait_for_turn
from portal.core.months import begin_of, month_of, next_month, previous_month
from portal.reservations.models import Allocation
from portal.sla.crediting import Credit, credits_of, shown
from portal.sla.definitions import CLOSE_AFTER, CURRENT, Condition
from portal.sla.gathering import Gathered, gather
from portal.sla.measuring import Measured, Segment, measured, timeline
from portal.sla.models import Outage, ServerMonth, SlaCredit
from portal.sla.selectors import to_be_measured
from portal.sla.services.mails import tell_of_credits
from portal.sla.spans import moment_of
from portal.sla.states import CreditState
from portal.tenancy.models import Organization
from portal.webhooks.services.announcing import announce

BATCH = 500
"""Allocations that are measured in one transaction; a reservation is never cut in two."""
MOST_TOLD = 50
"""Credits that one message to a webhook names; all of them stand in the API."""


def measure_due(*, actor: Actor) -> int:
    """Measure the last month, once it is over for CLOSE_AFTER; return how many server-months were measured."""
    month = previous_month(month_of(clock.now() - CLOSE_AFTER))
    return measure_month(actor=actor, month=month)


def measure_month(*, actor: Actor, month: date, organization: Organization | None = None) -> int:
    """Measure what of a month is not measured yet, and write the credits; return how many server-months that were.

    That of one organization, or of all. To ask again changes nothing. Raises InvalidInput on ``month`` for one that is
    not over, or no first day.
    """
    if month.day != 1:
        raise InvalidInput.of("month", "invalid", "Give the first day of a month.")
    if begin_of(next_month(month)) > clock.now():
        raise InvalidInput.of("month", "not_over", "The month is not over: it can be measured when it is.")
    done = 0
    for pks in _batches(month, organization):
        done += _measure(actor, month, pks)
    return done


def _batches(month: date, organization: Organization | None) -> Iterator[list[int]]:
    """Yield the reservations that have servers to be measured, as many as make a batch."""
    batch, size = [], 0
    allocations = to_be_measured(month)
    if organization is not None:
        allocations = allocations.filter(reservation__organization=organization)
    found = allocations.order_by("reservation_id").values_list("reservation_id", flat=True)
    for reservation, rows in groupby(found.iterator(chunk_size=5000)):
        batch.append(reservation)
        size += len(list(rows))
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@transaction.atomic
def _measure(actor: Actor, month: date, reservations: Sequence[int]) -> int:
    if not _unmeasured(month, reservations).exists():
        return 0
    # One at a time: whoever waited finds that it is measured.
    wait_for_turn("sla.measure_month")
    allocations = (
        _unmeasured(month, reservations)
        .select_related(
            "reservation__server_type", "reservation__sla_tier", "reservation__organization", "reservation__project"
        )
        .select_related("server")
        .order_by("pk")
    )
    items = gather(allocations, month, CURRENT)
    timelines = [timeline(item.served, item.readings, item.exclusions, CURRENT) for item in items]
    sums = [measured(segments) for segments in timelines]
    rows = ServerMonth.objects.bulk_create([_row(*pair) for pair in zip(items, sums, strict=True)])
    Outage.objects.bulk_create(
        [outage for row, segments in zip(rows, timelines, strict=True) for outage in _outages(row, segments)]
    )
    _write_credits(actor, [(item, credit) for pair in zip(items, sums, strict=True) for item, credit in _due(*pair)])
    return len(rows)


def _unmeasured(month: date, reservations: Sequence[int]) -> QuerySet[Allocation]:
    known = ServerMonth.objects.filter(month=month, reservation=OuterRef("reservation"), server=OuterRef("server"))
    return to_be_measured(month).filter(~Exists(known), reservation__in=reservations)


def _row(item: Gathered, sums: Measured) -> ServerMonth:
    tier = item.reservation.sla_tier
    weight = tier.degraded_weight if tier is not None else Decimal(0)
    return ServerMonth(
        reservation=item.reservation,
        server_id=item.server_id,
        month=item.month,
        definition=CURRENT.version,
        tier=tier,
        measured_seconds=sums.obliged,
        down_seconds=sums.down,
        degraded_seconds=sums.degraded,
        unknown_seconds=sums.unknown,
        maintenance_seconds=sums.maintenance,
        tenant_seconds=sums.tenant,
        availability=sums.availability(weight),
    )


def _outages(row: ServerMonth, segments: Sequence[Segment]) -> Iterator[Outage]:
    for segment in segments:
        if segment.condition in (Condition.DOWN, Condition.DEGRADED):
            yield Outage(
                server_month=row,
                since=moment_of(segment.span.start),
                until=moment_of(segment.span.end),
                condition=segment.condition.value,
                kinds=[kind.value for kind in segment.kinds],
                excluded=segment.excluded,
                proof=segment.proof,
            )


def _due(item: Gathered, sums: Measured) -> Iterator[tuple[Gathered, Credit]]:
    tier = item.reservation.sla_tier
    if tier is not None:
        currency = item.reservation.currency
        for credit in credits_of(tier, sums, item.lates, item.price, item.day_price, currency):
            yield item, credit


def _write_credits(actor: Actor, due: Sequence[tuple[Gathered, Credit]]) -> None:
    rows = SlaCredit.objects.bulk_create([_credit(item, credit) for item, credit in due])
    by_organization: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in rows:
        told = {"reservation": row.reservation.public_id, "reason": row.reason, "amount": str(row.money)}
        by_organization[row.organization.public_id][row.public_id] = told
    for organization, told_of in by_organization.items():
        record_each(actor=actor, verb="sla_credit.created", told=told_of, scope=organization)
    ordered = sorted(rows, key=lambda row: row.reservation.project_id)
    for _, of_project in groupby(ordered, key=lambda row: row.reservation.project_id):
        credits = list(of_project)
        announce(actor=actor, event_type="sla.credited", data=_told(credits), projects=[credits[0].reservation.project])
        transaction.on_commit(partial(tell_of_credits, credits))


def _told(credits: Sequence[SlaCredit]) -> dict[str, Any]:
    """Return credits of a project for a month as a webhook is told of them: the first MOST_TOLD one by one."""
    lines = [
        {
            "id": row.public_id,
            "reservation": row.reservation.public_id,
            "reason": row.reason,
            "amount": row.money.as_json(),
        }
        for row in credits[:MOST_TOLD]
    ]
    return {"month": f"{credits[0].month:%Y-%m}", "count": len(credits), "credits": lines}


def _credit(item: Gathered, credit: Credit) -> SlaCredit:
    tier = item.reservation.sla_tier
    if tier is None:
        raise ValueError("Without a tier nothing was promised.")
    return SlaCredit(
        state=CreditState.DUE,
        organization=item.reservation.organization,
        reservation=item.reservation,
        server_id=item.server_id,
        month=item.month,
        reason=credit.reason.value,
        tier=tier,
        definition=CURRENT.version,
        percent=credit.percent,
        amount=credit.amount.amount,
        currency=credit.amount.currency,
        arithmetic={**credit.arithmetic, "tier": str(tier), "steps": _steps(tier.below, tier.credits)},
    )


def _steps(below: Sequence[Decimal], credits: Sequence[Decimal]) -> list[dict[str, str]]:
    return [
        {"below": shown(limit), "credit_percent": shown(credit)} for limit, credit in zip(below, credits, strict=True)
    ]
