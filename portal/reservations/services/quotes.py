"""Quotes: a price that is kept for a while, and with a hold the capacity too; accepted once, at the quoted price."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat, LPad

from portal.audit.services import record
from portal.audit.transitions import advance
from portal.catalog.selectors import PriceQuote, quote_price
from portal.core import clock, ids
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import HoldLimitReached, InvalidInput, NotFound, QuoteExpired, StateConflict
from portal.core.locks import lock_row, lock_rows
from portal.core.periods import Period
from portal.core.repeating import repeatable
from portal.reservations import capacity
from portal.reservations.approval import require_approval
from portal.reservations.budget_check import charges_for, check_budgets
from portal.reservations.capacity import Demand
from portal.reservations.enquiries import noted
from portal.reservations.models import Allocation, Enquiry, Quote, Reservation, WaitlistEntry
from portal.reservations.quota_check import check_quotas
from portal.reservations.request import Particulars, QuoteRequest, check_particulars, check_quote
from portal.reservations.services.booking import (
    Pick,
    Promise,
    Wording,
    allocate,
    as_quoted,
    pick,
    with_room,
    write_reservation,
)
from portal.reservations.services.holds import asked_by, note_abandoned, release_hold
from portal.reservations.services.reserve import confirm, require_fitting, require_own
from portal.reservations.services.settling import follow_offer
from portal.reservations.services.start import begin_provisioning
from portal.reservations.states import QuoteState, ReservationState
from portal.tenancy.models import Project
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

WITHDRAWN = "withdrawn by the customer"


def hold_time() -> timedelta:
    """Return for how long a quote keeps its price, and a hold its capacity."""
    return timedelta(minutes=settings.METALYARD_HOLD_MINUTES)


@repeatable
def make_quote(*, scope: Scope, actor: Actor, request: QuoteRequest, hold: bool = False) -> Quote:
    """Keep a price for the project and, with ``hold``, the capacity as well.

    Raises Forbidden, InvalidInput (with every wrong field) and NoPrice; with ``hold`` also ApprovalRequired,
    HoldLimitReached, BudgetExceeded, QuotaExceeded and InsufficientCapacity. Then nothing has changed.
    """
    scope.require(Verb.RESERVE)
    period = check_quote(request)
    demand = Demand(
        request.server_type, request.region, request.count, period, request.placement, fabric=request.fabric
    )
    if not hold:
        return noted(Enquiry.Kind.QUOTE, scope, demand, lambda: _quote(scope, actor, demand))
    return noted(
        Enquiry.Kind.HOLD,
        scope,
        demand,
        lambda: with_room(demand, lambda pick: _held_quote(scope, actor, demand, pick)),
    )


@transaction.atomic
def _quote(scope: Scope, actor: Actor, demand: Demand) -> Quote:
    return write_quote(actor=actor, project=scope.project, demand=demand, price=_price(scope.project, demand))


@transaction.atomic
def _held_quote(scope: Scope, actor: Actor, demand: Demand, pick: Pick) -> Quote:
    price = _price(scope.project, demand)
    require_approval(scope, price.total)
    # Whoever counts the holds of a project waits for who adds one.
    lock_row(Project, scope.project.pk)
    _check_holds(scope.project, demand)
    return hold_capacity(
        actor=actor, project=scope.project, demand=demand, price=price, until=clock.now() + hold_time(), pick=pick
    )


def hold_capacity(
    *,
    actor: Actor,
    project: Project,
    demand: Demand,
    price: PriceQuote,
    until: datetime,
    entry: WaitlistEntry | None = None,
    pick: Pick = pick,
    promise: Promise | None = None,
) -> Quote:
    """Book servers for a quote that lasts until an instant; a ``promise`` says that it is a contract's.

    Call it in a transaction. Raises BudgetExceeded, QuotaExceeded, InsufficientCapacity, and what ``pick`` raises.
    """
    if promise is None:
        _check_budgets(project, demand, price)
        check_quotas(
            project=project,
            server_type=demand.server_type,
            region=demand.region,
            count=demand.count,
            period=demand.period,
        )
    span = capacity.occupied_period(demand.server_type, demand.period)
    servers = pick(demand, span)
    held = write_reservation(
        actor=actor,
        project=project,
        demand=demand,
        price=price,
        wording=Wording(f"hold-{ids.new_id('h')[-12:]}"),
        state=ReservationState.HELD,
        deadline=until,
        promise=promise,
    )
    allocate(held, servers, span)
    return write_quote(actor=actor, project=project, demand=demand, price=price, until=until, held=held, entry=entry)


def _check_budgets(project: Project, demand: Demand, price: PriceQuote) -> None:
    asked = charges_for(price, demand.count, demand.period)
    check_budgets(project=project, asked=asked, span=demand.period, currency=price.currency)


def _price(project: Project, demand: Demand) -> PriceQuote:
    currency = project.organization.currency
    return quote_price(demand.server_type, demand.region, currency, demand.count, demand.period, clock.now())


def _check_holds(project: Project, demand: Demand) -> None:
    """Raise HoldLimitReached for one live hold too many, and for holding the same again and again."""
    now = clock.now()
    # What is held for a contract counts against nothing.
    holds = Quote.objects.filter(project=project, is_hold=True, waitlist_entry=None, reservation__is_committed=False)
    live = holds.filter(state=QuoteState.OPEN, expires_at__gt=now).order_by("expires_at")
    if len(live) >= settings.METALYARD_LIVE_HOLDS:
        raise _too_many_holds(
            f"The project holds capacity for {len(live)} quotes already; accept or withdraw one.", live[0].expires_at
        )
    pause = timedelta(minutes=settings.METALYARD_HOLD_PAUSE_MINUTES)
    missed = holds.filter(
        server_type=demand.server_type,
        region=demand.region,
        period__overlap=demand.period.as_range(),
        expires_at__gt=now - pause,
    ).exclude(state=QuoteState.ACCEPTED)
    latest = list(missed.order_by("-expires_at").values_list("expires_at", flat=True))
    if len(latest) >= settings.METALYARD_HOLDS_IN_A_ROW:
        raise _too_many_holds(
            f"The project has held such servers {len(latest)} times without deciding; reserve them, or try later.",
            latest[settings.METALYARD_HOLDS_IN_A_ROW - 1] + pause,
        )


def _too_many_holds(detail: str, again: datetime) -> HoldLimitReached:
    seconds = max(1, round((again - clock.now()).total_seconds()))
    return HoldLimitReached(detail, extra={"limit": settings.METALYARD_LIVE_HOLDS, "retry_after": seconds})


def write_quote(
    *,
    actor: Actor,
    project: Project,
    demand: Demand,
    price: PriceQuote,
    until: datetime | None = None,
    held: Reservation | None = None,
    entry: WaitlistEntry | None = None,
) -> Quote:
    """Write the row of a quote, and record it."""
    expires_at = until or clock.now() + hold_time()
    quote = Quote.objects.create(
        state=QuoteState.OPEN,
        state_deadline_at=expires_at,
        organization=project.organization,
        project=project,
        server_type=demand.server_type,
        region=demand.region,
        count=demand.count,
        period=demand.period.as_range(),
        placement=demand.placement,
        fabric=demand.fabric,
        expires_at=expires_at,
        is_hold=held is not None,
        reservation=held,
        waitlist_entry=entry,
        requested_by=actor.label[:200],
        **as_quoted(price),
    )
    record(
        actor=actor,
        verb="quote.held" if held else "quote.made",
        target=quote.public_id,
        scope=project.organization.public_id,
        data={
            "count": demand.count,
            "server_type": demand.server_type.slug,
            "price": price.total.as_json(),
            "expires_at": clock.as_rfc3339(expires_at),
        },
    )
    return quote


@repeatable
def accept(*, scope: Scope, actor: Actor, quote: Quote, particulars: Particulars) -> Reservation:
    """Turn a quote into a reservation at the quoted price, once.

    Raises NotFound for another project's quote, Forbidden, InvalidInput (with every wrong field), QuoteExpired,
    StateConflict for one that is accepted or withdrawn, ApprovalRequired, and without a hold also BudgetExceeded,
    QuotaExceeded and InsufficientCapacity. Then nothing has changed.
    """
    _require(scope, quote)
    check_particulars(particulars)
    require_own(scope.project, particulars.image, particulars.ssh_keys)
    require_fitting(quote.server_type, particulars.image)
    return noted(Enquiry.Kind.RESERVE, scope, asked_by(quote), lambda: _accept(scope, actor, quote, particulars))


def _accept(scope: Scope, actor: Actor, quote: Quote, particulars: Particulars) -> Reservation:
    require_approval(scope, quote.total)
    if quote.is_hold:
        return accept_hold(actor=actor, quote=quote, particulars=particulars)
    return with_room(demand_of(quote), lambda pick: _accept_price(actor, quote, particulars, pick))


def _require(scope: Scope, quote: Quote) -> None:
    if quote.project_id != scope.project.pk:
        raise NotFound("This project has no such quote.")
    scope.require(Verb.RESERVE)
    if quote.reservation is not None and quote.reservation.is_committed:
        raise StateConflict("This capacity is held for a contract: sign that instead.", extra={"state": quote.state})


def demand_of(quote: Quote) -> Demand:
    """Return what a quote is for, as far as it is still to come."""
    start = max(quote.span.start, clock.now())
    if start >= quote.span.end:
        raise QuoteExpired(
            "The period of this quote is over.", extra={"expires_at": clock.as_rfc3339(quote.expires_at)}
        )
    period = Period(start, quote.span.end)
    return Demand(quote.server_type, quote.region, quote.count, period, quote.placement, fabric=quote.fabric)


def _open_quote(quote: Quote) -> Quote:
    """Lock a quote and return it fresh. Raises StateConflict and QuoteExpired for one that cannot be accepted."""
    fresh = lock_row(Quote, quote.pk)
    if fresh.state in (QuoteState.ACCEPTED, QuoteState.WITHDRAWN):
        extra = {"state": fresh.state} | (
            {"reservation": fresh.reservation.public_id}
            if fresh.state == QuoteState.ACCEPTED and fresh.reservation
            else {}
        )
        raise StateConflict(f"The quote is {fresh.state} already.", extra=extra)
    if fresh.state == QuoteState.EXPIRED or fresh.expires_at <= clock.now():
        at = clock.as_rfc3339(fresh.expires_at)
        raise QuoteExpired(f"The quote expired at {at}; ask for a new one.", extra={"expires_at": at})
    return fresh


@transaction.atomic
def accept_hold(*, actor: Actor, quote: Quote, particulars: Particulars) -> Reservation:
    """Turn capacity that is held into a reservation. The caller has made sure that the actor may.

    Raises StateConflict and QuoteExpired where it is no longer held, and InvalidInput on ``name``.
    """
    # Reservation before quote: the order of everybody who holds both.
    reservation = lock_row(Reservation, quote.reservation_id) if quote.reservation_id else None
    fresh = _open_quote(quote)
    if reservation is None or reservation.state != ReservationState.HELD:
        raise StateConflict("The capacity of this quote is no longer held; ask for a new one.")
    if reservation.span.end <= clock.now():
        raise QuoteExpired(
            "The period of this quote is over.", extra={"expires_at": clock.as_rfc3339(fresh.expires_at)}
        )
    wording = Wording.of(particulars)
    taken = f"The project has a reservation named {wording.name!r}; choose another name."
    with refuse("reservation_name_once", InvalidInput.of("name", "duplicate", taken)):
        advance(
            reservation,
            ReservationState.SCHEDULED,
            actor=actor,
            scope=reservation.organization.public_id,
            data={"quote": fresh.public_id},
            name=wording.name,
            image=wording.image,
            ssh_keys=list(wording.ssh_keys),
            user_data=wording.user_data,
            labels=dict(wording.labels),
            requested_by=actor.label[:200],
        )
    _rename_hosts(reservation)
    return _accepted(actor, fresh, reservation)


def _rename_hosts(reservation: Reservation) -> None:
    """Name the servers of a confirmed hold after it, all in one statement."""
    rows = lock_rows(Allocation.objects.filter(reservation=reservation))
    width = max(2, len(str(len(rows))))
    number = LPad(Cast(F("position") + 1, CharField()), width, Value("0"))
    Allocation.objects.filter(pk__in=[row.pk for row in rows]).update(
        hostname=Concat(Value(f"{reservation.name}-"), number, output_field=CharField())
    )


@transaction.atomic
def _accept_price(actor: Actor, quote: Quote, particulars: Particulars, pick: Pick) -> Reservation:
    fresh = _open_quote(quote)
    demand = demand_of(fresh)
    _check_budgets(fresh.project, demand, fresh.as_price())
    check_quotas(
        project=fresh.project,
        server_type=demand.server_type,
        region=demand.region,
        count=demand.count,
        period=demand.period,
    )
    span = capacity.occupied_period(demand.server_type, demand.period)
    servers = pick(demand, span)
    reservation = write_reservation(
        actor=actor,
        project=fresh.project,
        demand=demand,
        price=fresh.as_price(),
        wording=Wording.of(particulars),
        state=ReservationState.SCHEDULED,
    )
    allocate(reservation, servers, span)
    return _accepted(actor, fresh, reservation)


def _accepted(actor: Actor, quote: Quote, reservation: Reservation) -> Reservation:
    advance(
        quote,
        QuoteState.ACCEPTED,
        actor=actor,
        scope=quote.organization.public_id,
        data={"reservation": reservation.public_id},
        reservation=reservation,
    )
    follow_offer(actor=actor, quote=quote)
    confirm(actor=actor, reservation=reservation)
    # Does nothing for one that is not due.
    begin_provisioning(actor=actor, reservation=reservation)
    return reservation


def withdraw(*, scope: Scope, actor: Actor, quote: Quote) -> Quote:
    """Give up a quote, and free what it holds. Raises NotFound, Forbidden, StateConflict for one that is not open."""
    _require(scope, quote)
    return give_up(actor=actor, quote=quote)


@repeatable
@transaction.atomic
def give_up(*, actor: Actor, quote: Quote, reason: str = WITHDRAWN) -> Quote:
    """Give up a quote, and free what it holds. The caller has made sure that the actor may. Raises StateConflict."""
    held = lock_row(Reservation, quote.reservation_id) if quote.reservation_id else None
    fresh = lock_row(Quote, quote.pk)
    advance(fresh, QuoteState.WITHDRAWN, actor=actor, scope=fresh.organization.public_id, reason=reason)
    if held is not None and held.state == ReservationState.HELD:
        release_hold(actor=actor, reservation=held, to=ReservationState.CANCELLED, reason=reason)
    follow_offer(actor=actor, quote=fresh)
    note_abandoned(fresh)
    return fresh
