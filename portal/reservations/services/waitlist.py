"""The waiting list: whoever joins gets a firm offer, in fair order, once what suits is free."""

import logging
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import DatabaseError, transaction

from portal.audit.services import record
from portal.audit.transitions import advance
from portal.catalog.selectors import quote_price
from portal.core import clock
from portal.core.actors import SYSTEM, Actor
from portal.core.errors import (
    BudgetExceeded,
    InsufficientCapacity,
    NoPrice,
    NotFound,
    QuotaExceeded,
    StateConflict,
    WaitlistLimitReached,
)
from portal.core.locks import lock_row, wait_for_turn
from portal.core.mail import mail_people
from portal.core.money import Money
from portal.core.periods import Period
from portal.core.repeating import repeatable
from portal.operations.services.events import tell
from portal.reservations import capacity
from portal.reservations.capacity import Demand
from portal.reservations.enquiries import note, refusals_noted
from portal.reservations.models import Enquiry, Quote, Reservation, WaitlistEntry
from portal.reservations.request import WaitlistRequest, check_waitlist
from portal.reservations.services.freed import wake_waiting_list
from portal.reservations.services.quotes import give_up, hold_capacity, hold_time
from portal.reservations.services.settling import settle_offers
from portal.reservations.states import OPEN_WISH, QuoteState, WaitlistState
from portal.tenancy.models import Project
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import notification_addresses

__all__ = ["WaitlistRequest", "join", "leave", "offer_waiting", "settle_offers"]

log = logging.getLogger(__name__)

MINUTE = timedelta(minutes=1)


def offer_time() -> timedelta:
    """Return for how long an offer stands, where its start does not come before."""
    return timedelta(minutes=settings.METALYARD_OFFER_MINUTES)


@repeatable
def join(*, scope: Scope, actor: Actor, request: WaitlistRequest) -> WaitlistEntry:
    """Put a wish of the project at the end of the queue; what fits already is offered in its turn, at once.

    Raises Forbidden, InvalidInput (with every wrong field), NoPrice and WaitlistLimitReached; then nothing has changed.
    """
    scope.require(Verb.RESERVE)
    first = check_waitlist(request)
    demand = Demand(request.server_type, request.region, request.count, first, request.placement)
    with refusals_noted(Enquiry.Kind.WAITLIST, scope, demand):
        entry = _join(scope, actor, request, demand)
    note(Enquiry.Kind.WAITLIST, Enquiry.Outcome.MADE, scope, demand, subject=entry.public_id)
    return entry


@transaction.atomic
def _join(scope: Scope, actor: Actor, request: WaitlistRequest, demand: Demand) -> WaitlistEntry:
    currency = scope.organization.currency
    quote_price(demand.server_type, demand.region, currency, demand.count, demand.period, clock.now())
    # Whoever counts the entries of a project waits for who adds one.
    lock_row(Project, scope.project.pk)
    limit = settings.METALYARD_WAITLIST_ENTRIES
    if WaitlistEntry.objects.filter(project=scope.project, state__in=OPEN_WISH).count() >= limit:
        raise WaitlistLimitReached(
            f"The project waits for {limit} things already; leave one of these queues.", extra={"limit": limit}
        )
    entry = WaitlistEntry.objects.create(
        state=WaitlistState.WAITING,
        organization=scope.organization,
        project=scope.project,
        server_type=request.server_type,
        region=request.region,
        count=request.count,
        duration=request.duration,
        earliest=demand.period.start,
        latest=max(request.latest, demand.period.start),
        placement=request.placement,
        ceiling=request.ceiling,
        currency=currency,
        requested_by=actor.label[:200],
    )
    record(
        actor=actor,
        verb="waitlist_entry.joined",
        target=entry.public_id,
        scope=scope.organization.public_id,
        data={
            "count": entry.count,
            "server_type": entry.server_type.slug,
            "earliest": clock.as_rfc3339(entry.earliest),
            "latest": clock.as_rfc3339(entry.latest),
        },
    )
    wake_waiting_list(entry.server_type_id, entry.region_id)
    return entry


def leave(*, scope: Scope, actor: Actor, entry: WaitlistEntry) -> WaitlistEntry:
    """Take a wish of the project out of the queue; an open offer is given up with it.

    Raises NotFound for another project's, Forbidden, and StateConflict for one that is over.
    """
    if entry.project_id != scope.project.pk:
        raise NotFound("This project has no such entry in the waiting list.")
    scope.require(Verb.RESERVE)
    return _leave(actor, entry)


@repeatable
@transaction.atomic
def _leave(actor: Actor, entry: WaitlistEntry) -> WaitlistEntry:
    seen = entry.offers.filter(state=QuoteState.OPEN).first()
    # Reservation before quote before entry: the order of everybody who holds them.
    if seen is not None and seen.reservation_id is not None:
        lock_row(Reservation, seen.reservation_id)
    offer = lock_row(Quote, seen.pk) if seen is not None else None
    fresh = lock_row(WaitlistEntry, entry.pk)
    if offer is None and fresh.state == WaitlistState.OFFERED:
        raise StateConflict("An offer was made meanwhile: look at it first.", extra={"state": fresh.state})
    reason = f"left by {actor.label}"
    advance(fresh, WaitlistState.WITHDRAWN, actor=actor, scope=fresh.organization.public_id, reason=reason)
    if offer is not None and offer.state == QuoteState.OPEN:
        give_up(actor=actor, quote=offer)
    return fresh


def offer_waiting(server_type_pk: int | None = None, region_pk: int | None = None) -> int:
    """Offer what is free to those who wait for it, first come first served; return how many got an offer.

    Who cannot be served now does not hold up those behind; nobody gets what somebody before could have had.
    """
    waiting = WaitlistEntry.objects.filter(state=WaitlistState.WAITING, latest__gte=clock.now())
    if server_type_pk is not None and region_pk is not None:
        waiting = waiting.filter(server_type=server_type_pk, region=region_pk)
    rows = waiting.order_by("server_type", "region", "queued_at", "pk").values_list("pk", "server_type", "region")
    offered = 0
    for pk, server_type, region in list(rows):
        try:
            offered += _offer_to(pk, f"waiting list {server_type} {region}")
        except DatabaseError:
            log.exception("entry %s of the waiting list is left to the next sweep", pk)
    return offered


@transaction.atomic
def _offer_to(pk: int, queue: str) -> bool:
    # Of two workers the second looks at an entry when the first is done with it, so that both keep the order.
    wait_for_turn(queue)
    entry = lock_row(WaitlistEntry, pk)
    if entry.state != WaitlistState.WAITING:
        return False
    demand = _demand(entry)
    period = capacity.first_fit(demand, entry.latest)
    if period is None:
        return _wait(entry, "")
    try:
        with transaction.atomic():
            offer = _hold(entry, Demand(entry.server_type, entry.region, entry.count, period, entry.placement))
    except (BudgetExceeded, QuotaExceeded, NoPrice) as refusal:
        return _wait(entry, refusal.detail)
    except InsufficientCapacity:
        return _wait(entry, "")
    return offer is not None


def _demand(entry: WaitlistEntry) -> Demand:
    """Return what an entry asks for, at its first start that leaves some time to decide before its preparation."""
    soonest = clock.now() + hold_time() + entry.server_type.lead_time
    on_the_minute = soonest.replace(second=0, microsecond=0) + MINUTE
    start = min(max(entry.earliest, on_the_minute), max(entry.latest, clock.now()))
    return Demand(entry.server_type, entry.region, entry.count, Period(start, start + entry.duration), entry.placement)


def _hold(entry: WaitlistEntry, demand: Demand) -> Quote | None:
    now = clock.now()
    price = quote_price(demand.server_type, demand.region, entry.currency, demand.count, demand.period, now)
    if entry.ceiling is not None and price.total.amount > entry.ceiling:
        ceiling = Money(entry.ceiling, entry.currency)
        _wait(entry, f"It costs {price.total}, which is above your ceiling of {ceiling}.")
        return None
    offer = hold_capacity(
        actor=SYSTEM,
        project=entry.project,
        demand=demand,
        price=price,
        until=_until(demand),
        entry=entry,
    )
    advance(
        entry,
        WaitlistState.OFFERED,
        actor=SYSTEM,
        scope=entry.organization.public_id,
        data={"quote": offer.public_id},
        state_deadline_at=offer.expires_at,
        obstacle="",
    )
    tell(
        actor=SYSTEM,
        subject=entry.public_id,
        event_type="waitlist.offered",
        count=entry.count,
        server_type=entry.server_type.name,
        region=entry.region.code,
        starts_at=clock.as_rfc3339(demand.period.start),
        until=clock.as_rfc3339(offer.expires_at),
    )
    transaction.on_commit(partial(_mail, entry, offer))
    return offer


def _until(demand: Demand) -> datetime:
    """Return when the offer of a demand ends: before its preparation has to begin, but for a short time to decide."""
    now = clock.now()
    last = max(demand.period.start - demand.server_type.lead_time, now + hold_time())
    return min(now + offer_time(), last, demand.period.end)


def _wait(entry: WaitlistEntry, obstacle: str) -> bool:
    """Let an entry wait on; say what stands in its way where that is not capacity."""
    if entry.obstacle != obstacle:
        WaitlistEntry.objects.filter(pk=entry.pk).update(obstacle=obstacle[:500])
    return False


def _mail(entry: WaitlistEntry, offer: Quote) -> None:
    what = f"{entry.count} x {entry.server_type.name} in {entry.region.code}"
    until = clock.as_rfc3339(offer.expires_at)
    mail_people(
        f"{what} are held for you until {until}",
        f"{what} that you wait for ({entry.public_id}) are free from {clock.as_rfc3339(offer.span.start)} to "
        f"{clock.as_rfc3339(offer.span.end)} for {offer.total}.\n"
        f"They are held for you until {until}. After that they go to the next in the queue.",
        notification_addresses(entry.project),
        page="/waiting-list",
        otherwise=f"the offer for {entry.public_id}",
    )
