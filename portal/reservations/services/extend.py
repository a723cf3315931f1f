"""A later end for a reservation: the same servers, or a refusal that says how far they could go."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest

from portal.catalog.selectors import QuoteLine, quote_price
from portal.core import clock
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import ExtensionBlocked, InvalidInput
from portal.core.money import Money
from portal.core.periods import Period
from portal.core.repeating import repeatable
from portal.reservations.approval import require_approval
from portal.reservations.budget_check import check_budgets
from portal.reservations.capacity import Demand
from portal.reservations.charges import Charge, charges_of
from portal.reservations.enquiries import noted
from portal.reservations.models import Allocation, Enquiry, Reservation
from portal.reservations.quota_check import check_quotas
from portal.reservations.request import MAX_LENGTH
from portal.reservations.services.agreed import note_change, price_of, repriced, require_agreed
from portal.reservations.services.alter import RUNNING, USED, locked, require, require_state, used_servers, write
from portal.reservations.services.following import (
    blocked,
    following,
    kept_until,
    latest_end,
    lock_following,
    too_early,
)
from portal.reservations.services.holds import expire_due_holds
from portal.reservations.services.moves import clear_way
from portal.reservations.services.notices import notice_time
from portal.reservations.services.spans import with_end
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

TAKEN = "The servers were taken meanwhile; try again."


@dataclass(frozen=True)
class Extension:
    """What a later end would cost, and whether the servers are free for it.

    ``latest_end`` is the latest end that is possible: None for one that fits where there is no limit, and for one that
    does not where no later end is possible at all. ``blocked`` servers are somebody else's from ``blocked_from`` on.
    """

    fits: bool
    latest_end: datetime | None
    added: Money
    total: Money
    blocked: int
    blocked_from: datetime | None


def look_at_extension(scope: Scope, reservation: Reservation, ends_at: datetime) -> Extension:
    """Return what an end at ``ends_at`` would cost, and whether it is possible; ``extend`` decides.

    Raises NotFound, Forbidden, StateConflict, NoPrice, and InvalidInput on ``ends_at``.
    """
    require(scope, reservation, Verb.RESERVE)
    require_state(reservation, RUNNING)
    _check_end(reservation, ends_at)
    charge = _charge(reservation, ends_at)
    next_from = following(reservation)
    taken = too_early(reservation, next_from, ends_at)
    return Extension(
        fits=not taken,
        latest_end=latest_end(reservation, next_from),
        added=charge.amount,
        total=price_of(reservation) + charge.amount,
        blocked=len(taken),
        blocked_from=min(taken, default=None),
    )


@repeatable
def extend(
    *, scope: Scope, actor: Actor, reservation: Reservation, ends_at: datetime, agreed: Money | None = None
) -> Reservation:
    """Let a reservation end later, with the same id and the same servers, at the list price of now for the added time.

    ``agreed`` is the most that may be owed in all. Raises NotFound, Forbidden, StateConflict, NoPrice, InvalidInput on
    ``ends_at``, PriceChanged, ApprovalRequired, BudgetExceeded, QuotaExceeded and ExtensionBlocked; then nothing has
    changed.
    """
    require(scope, reservation, Verb.RESERVE)
    require_state(reservation, RUNNING)
    _check_end(reservation, ends_at)
    server_type, region = reservation.server_type, reservation.region
    added = Period(reservation.span.end, ends_at)
    demand = Demand(server_type, region, reservation.count, added, reservation.placement)

    def act() -> Reservation:
        try:
            return _extend(scope, actor, reservation, ends_at, agreed)
        except ExtensionBlocked:
            found_room = expire_due_holds(server_type, region)
            if not clear_way(reservation, kept_until(reservation, ends_at)) and not found_room:
                raise
        return _extend(scope, actor, reservation, ends_at, agreed)

    return noted(Enquiry.Kind.EXTEND, scope, demand, act)


@transaction.atomic
def _extend(
    scope: Scope, actor: Actor, reservation: Reservation, ends_at: datetime, agreed: Money | None
) -> Reservation:
    fresh = locked(reservation, RUNNING)
    _check_end(fresh, ends_at)
    charge = _charge(fresh, ends_at)
    require_agreed(price_of(fresh) + charge.amount, agreed)
    require_approval(scope, charge.amount)
    added = Period(fresh.span.end, ends_at)
    check_budgets(project=fresh.project, asked=[charge], span=added, currency=fresh.currency)
    before, after = fresh.span, Period(fresh.span.start, ends_at)
    check_quotas(
        project=fresh.project,
        server_type=fresh.server_type,
        region=fresh.region,
        count=fresh.count,
        period=after,
        beside=fresh,
    )
    lock_following(fresh)
    taken = too_early(fresh, following(fresh), ends_at)
    if taken:
        raise blocked(fresh, taken)
    _lengthen(fresh, ends_at)
    is_announced = fresh.end_announced_at is not None and ends_at - notice_time() <= clock.now()
    write(
        fresh,
        period=after.as_range(),
        end_announced_at=fresh.end_announced_at if is_announced else None,
        **repriced([*charges_of(fresh), charge], fresh.currency),
    )
    until = clock.as_rfc3339(ends_at)
    note_change(
        actor=actor,
        reservation=fresh,
        verb="reservation.extended",
        data={"from": clock.as_rfc3339(before.end), "to": until, "added": charge.amount.as_json()},
        ends_at=until,
        added=str(charge.amount),
    )
    return fresh


def _check_end(reservation: Reservation, ends_at: datetime) -> None:
    if ends_at <= reservation.span.end:
        at = clock.as_rfc3339(reservation.span.end)
        raise InvalidInput.of("ends_at", "not_after_end", f"Choose an end after the present one, {at}.")
    if ends_at - reservation.span.start > MAX_LENGTH:
        raise InvalidInput.of("ends_at", "too_long", f"A reservation lasts at most {MAX_LENGTH.days} days.")


def _charge(reservation: Reservation, ends_at: datetime) -> Charge:
    """Return what the added time costs for the servers that the reservation still has."""
    added, count = Period(reservation.span.end, ends_at), len(used_servers(reservation))
    price = quote_price(reservation.server_type, reservation.region, reservation.currency, count, added, clock.now())
    line: QuoteLine = replace(price.lines[0], label=f"{price.lines[0].label}, longer to {clock.as_rfc3339(ends_at)}")
    return Charge(line, count, price.rate, added)


def _lengthen(reservation: Reservation, ends_at: datetime) -> None:
    # Never less than was booked: the type may need less time to be erased by now.
    upper = Greatest(F("occupied__endswith"), Value(kept_until(reservation, ends_at)))
    nothing_known = {"latest_end": None, "blocked_servers": None, "blocked_from": None}
    with refuse("allocation_no_overlap", ExtensionBlocked(TAKEN, extra=nothing_known)):
        Allocation.objects.filter(reservation=reservation, state__in=USED).update(**with_end(ends_at, upper))
