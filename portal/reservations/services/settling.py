"""What becomes of an entry of the waiting list when its offer is decided, or its time is over."""

from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from portal.audit.transitions import advance
from portal.core import clock
from portal.core.actors import SYSTEM, Actor
from portal.core.locks import lock_row
from portal.operations.services.events import tell
from portal.reservations.models import Quote, WaitlistEntry
from portal.reservations.states import QuoteState, WaitlistState

MOST_MISSED = 2
"""Offers that an entry may let go by: with the last of them it leaves the queue."""
TOO_LATE = "its latest start has passed"
MISSED = "its offer was not taken"
TOO_MANY_MISSED = f"{MOST_MISSED} offers were not taken"


def follow_offer(*, actor: Actor, quote: Quote) -> None:
    """Let the entry that a decided quote was offered to follow it; quotes that are no offers are left alone."""
    if quote.waitlist_entry_id is not None:
        settle(actor=actor, entry_pk=quote.waitlist_entry_id)


@transaction.atomic
def settle(*, actor: Actor, entry_pk: int) -> bool:
    """Move an entry on whose offer is decided, or whose latest start has passed. Returns whether it moved."""
    entry = lock_row(WaitlistEntry, entry_pk)
    if entry.state == WaitlistState.WAITING and entry.latest < clock.now():
        _lapse(actor, entry, TOO_LATE)
        return True
    offer = entry.offers.latest("pk") if entry.state == WaitlistState.OFFERED else None
    if offer is None or offer.state == QuoteState.OPEN:
        return False
    if offer.state == QuoteState.ACCEPTED:
        _move(actor, entry, WaitlistState.ACCEPTED, "")
    elif entry.missed_offers + 1 >= MOST_MISSED:
        _lapse(actor, entry, TOO_MANY_MISSED, missed_offers=entry.missed_offers + 1)
    elif entry.latest < clock.now():
        _lapse(actor, entry, TOO_LATE, missed_offers=entry.missed_offers + 1)
    else:
        _move(
            actor,
            entry,
            WaitlistState.WAITING,
            MISSED,
            missed_offers=entry.missed_offers + 1,
            queued_at=clock.now(),
        )
        tell(actor=actor, subject=entry.public_id, event_type="waitlist.missed")
    return True


def _lapse(actor: Actor, entry: WaitlistEntry, reason: str, **fields: int) -> None:
    _move(actor, entry, WaitlistState.LAPSED, reason, **fields)
    tell(actor=actor, subject=entry.public_id, event_type="waitlist.lapsed", reason=reason)


def _move(actor: Actor, entry: WaitlistEntry, to: WaitlistState, reason: str, **fields: Any) -> None:
    advance(entry, to, actor=actor, scope=entry.organization.public_id, reason=reason, **fields)


def settle_offers() -> int:
    """Move on every entry whose offer is decided, or whose latest start has passed; return how many moved."""
    undecided = Quote.objects.filter(waitlist_entry=OuterRef("pk"), state=QuoteState.OPEN)
    decided = WaitlistEntry.objects.filter(~Exists(undecided), state=WaitlistState.OFFERED)
    late = WaitlistEntry.objects.filter(state=WaitlistState.WAITING, latest__lt=clock.now())
    due = sorted([*decided.values_list("pk", flat=True), *late.values_list("pk", flat=True)])
    return sum(settle(actor=SYSTEM, entry_pk=pk) for pk in due)
