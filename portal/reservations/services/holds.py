"""Letting go of capacity that was held for somebody who did not decide in time."""

from django.db import models, transaction

from portal.audit.transitions import advance
from portal.core import clock
from portal.core.actors import SYSTEM, Actor
from portal.core.errors import QuoteExpired
from portal.core.locks import lock_row
from portal.core.repeating import aside
from portal.fleet.models import Region, ServerType
from portal.operations.services.events import tell
from portal.reservations.capacity import Demand
from portal.reservations.enquiries import note_of
from portal.reservations.models import Enquiry, Quote, Reservation
from portal.reservations.services.lifecycle import let_go
from portal.reservations.services.settling import follow_offer
from portal.reservations.states import QuoteState, ReservationState

RAN_OUT = "not accepted in time"


@transaction.atomic
def expire_quote(*, actor: Actor, quote: Quote) -> bool:
    """End an open quote that is past its time, and free what it held. Returns whether there was something to end."""
    # Reservation before quote: the order of everybody who holds both.
    held = lock_row(Reservation, quote.reservation_id) if quote.reservation_id else None
    fresh = lock_row(Quote, quote.pk)
    if fresh.state != QuoteState.OPEN or fresh.expires_at > clock.now():
        return False
    scope = fresh.organization.public_id
    if held is not None and held.state == ReservationState.HELD:
        release_hold(actor=actor, reservation=held, to=ReservationState.EXPIRED, reason=RAN_OUT)
    advance(fresh, QuoteState.EXPIRED, actor=actor, scope=scope, reason=RAN_OUT)
    follow_offer(actor=actor, quote=fresh)
    note_abandoned(fresh, reason=QuoteExpired.code)
    return True


def asked_by(quote: Quote) -> Demand:
    """Return what was asked for when a quote was made."""
    return Demand(quote.server_type, quote.region, quote.count, quote.span, quote.placement, fabric=quote.fabric)


def note_abandoned(quote: Quote, reason: str = "") -> None:
    """Note in the request log that nothing came of a quote; ``reason`` is empty where the customer withdrew it."""
    kind = Enquiry.Kind.HOLD if quote.is_hold else Enquiry.Kind.QUOTE
    note_of(
        kind,
        Enquiry.Outcome.ABANDONED,
        quote.project,
        asked_by(quote),
        reason=reason,
        price=quote.total,
        subject=quote.public_id,
    )


@transaction.atomic
def release_hold(*, actor: Actor, reservation: Reservation, to: ReservationState, reason: str) -> None:
    """Free the servers of a locked hold that became nothing. Raises StateConflict for one that is no hold any more."""
    let_go(actor, reservation, reason)
    advance(reservation, to, actor=actor, scope=reservation.organization.public_id, reason=reason)
    told = "reservation.expired" if to == ReservationState.EXPIRED else "reservation.cancelled"
    tell(actor=actor, subject=reservation.public_id, event_type=told)


def expire_due_holds(server_type: ServerType, region: Region) -> bool:
    """End the holds of a server type in a region that are past their time. Returns whether there were any."""
    due = _due(server_type, region)
    return due.exists() and aside("holds", lambda: sum(expire_quote(actor=SYSTEM, quote=quote) for quote in due) > 0)


def _due(server_type: ServerType, region: Region) -> models.QuerySet[Quote]:
    rows = Quote.objects.filter(server_type=server_type, region=region, state=QuoteState.OPEN, is_hold=True)
    return rows.filter(expires_at__lte=clock.now()).order_by("pk")
