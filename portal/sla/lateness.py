"""What was handed over or replaced late, and what never was: the servers of reservations, host name by host name.

Lateness counts in the month in which it passes: what is still missing at a month's end is late until then.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from portal.core import clock
from portal.operations.models import OperationEvent
from portal.reservations.models import Allocation
from portal.sla.crediting import Late, Reason
from portal.sla.spans import Span, moment_of, second_of

ENDINGS = ("reservation.ending", "reservation.failed", "reservation.cancelled")
"""The events with which nobody waits for a server any more, whoever brought them about."""


@dataclass(frozen=True)
class Delay:
    """How late the server of an allocation was. ``missed`` is the time without it, where it did not come in time."""

    allocation: Allocation
    late: Late
    missed: Span | None = None


def served_of(allocation: Allocation, until: int) -> Span:
    """Return when a server was handed over: from its hand-over, not before the start, until it was given back."""
    if allocation.ready_at is None:
        return Span(0, 0)
    begin = max(second_of(allocation.ready_at), second_of(allocation.reservation.span.start))
    turnover = allocation.turnover
    given_back = turnover.lower if turnover and turnover.lower else allocation.occupied.upper
    return Span(begin, max(begin, min(second_of(given_back), until)))


def delays_of(reservations: Iterable[int], month: Span) -> list[Delay]:
    """Return what came in a month, in time or late, and what had not come at its end or when the waiting ended."""
    wanted = set(reservations)
    rows = Allocation.objects.select_related("reservation__sla_tier").filter(reservation__in=wanted).order_by("pk")
    chains = defaultdict(list)
    for row in rows:
        if row.reservation.sla_tier is not None:
            chains[row.reservation_id, row.hostname].append(row)
    missing = {row.reservation.public_id for chain in chains.values() for row in chain if not _has_come(row, month)}
    told = OperationEvent.objects.filter(subject__in=missing, type__in=ENDINGS).order_by("-pk")
    over = {subject: second_of(at) for subject, at in told.values_list("subject", "created_at")}
    return [delay for chain in chains.values() for delay in _delays(chain, month, over)]


def _has_come(row: Allocation, month: Span) -> bool:
    """Tell whether a server was handed over before the end of a month."""
    return row.ready_at is not None and second_of(row.ready_at) < month.end


def _delays(chain: Sequence[Allocation], month: Span, over: dict[str, int]) -> Iterator[Delay]:
    """Yield the delays of the servers that had a host name one after another."""
    before: Allocation | None = None
    for row in chain:
        if row.ready_at is None or not _has_come(row, month):
            continue
        came = second_of(row.ready_at)
        if came >= month.start:
            reason, due = _promised(chain[0], before, row, came)
            passed = max(0, month.start - due)
            yield Delay(row, Late(reason, came - due, _written(due), clock.as_rfc3339(row.ready_at), passed))
        before = row
    last = chain[-1]
    # Whoever never chose an image has not confirmed either: nothing was promised.
    if _has_come(last, month) or last.reservation.image_id is None:
        return
    span = last.reservation.span
    end = min(month.end, second_of(span.end), second_of(clock.now()), over.get(last.reservation.public_id, month.end))
    reason, due = _promised(chain[0], before, last, end)
    if max(due, month.start) < end:
        late = Late(reason, end - due, _written(due), "", max(0, month.start - due), until=_written(end))
        yield Delay(last, late, Span(max(due, month.start), end))


def _promised(first: Allocation, before: Allocation | None, row: Allocation, until: int) -> tuple[Reason, int]:
    """Return what is late with a server that comes after ``before``, and the second at which it was due.

    A hand-over is due so long after the start, or after the booking where that was later; a replacement so long after
    the server before it left.
    """
    tier = row.reservation.sla_tier
    if tier is None:
        raise ValueError("Without a tier nothing was promised.")
    if before is None:
        begin = max(first.created_at, row.reservation.span.start)
        return Reason.LATE_HANDOVER, second_of(begin + timedelta(minutes=tier.handover_minutes))
    return Reason.LATE_REPLACEMENT, served_of(before, until).end + tier.replacement_minutes * 60


def _written(second: int) -> str:
    return clock.as_rfc3339(moment_of(second))
