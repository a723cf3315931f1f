"""Cancelling and ending reservations. What comes too late is refused and changes nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from portal.audit.transitions import advance
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.locks import lock_row, lock_rows
from portal.core.money import Money
from portal.core.repeating import repeatable
from portal.fleet.models import Server
from portal.fleet.services import give_up_erasure
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.selectors import operations_for
from portal.operations.services.events import tell
from portal.operations.services.queue import cancel_operation, queue_operation
from portal.operations.states import OPEN_OPERATION, OperationKind
from portal.reservations.charges import Cut, Unused, cancellation_of, cut
from portal.reservations.models import Allocation, Reservation
from portal.reservations.services.agreed import repriced, require_agreed
from portal.reservations.services.alter import USED, require, used_servers
from portal.reservations.services.freed import wake_waiting_list
from portal.reservations.services.spans import in_turnover
from portal.reservations.states import AllocationState, ReservationState
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

OVER = "the period is over"
TIME_TO_DECIDE = timedelta(minutes=5)
"""For how long a price that was shown for a release covers it, though what is used goes on growing."""

TO_BE_ERASED = (ServerState.DEPLOYING, ServerState.IN_USE)


def booked(reservation: Reservation) -> list[Allocation]:
    """Lock the allocations whose servers are kept but not handed over; return them in order, with their servers."""
    locked = lock_rows(Allocation.objects.filter(reservation=reservation, state=AllocationState.BOOKED))
    return list(
        Allocation.objects.select_related("server")
        .filter(pk__in=[allocation.pk for allocation in locked])
        .order_by("position")
    )


def let_go(actor: Actor, reservation: Reservation, reason: str) -> None:
    """Free the servers of a reservation that nobody has begun to prepare."""
    _lock_servers(reservation)
    for allocation in booked(reservation):
        advance(allocation, AllocationState.RELEASED, actor=actor, reason=reason)
    wake_waiting_list(reservation.server_type_id, reservation.region_id)


def _lock_servers(reservation: Reservation) -> None:
    """Lock the servers, all at once and in order: each that is given back one by one locks its own."""
    lock_rows(Server.objects.filter(pk__in=used_servers(reservation)))


def cancel(*, scope: Scope, actor: Actor, reservation: Reservation, agreed: Money | None = None) -> Reservation:
    """Call off a reservation on the customer's wish; what is owed for that follows from its terms.

    ``agreed`` is the most that may be owed. Raises NotFound for another project's, Forbidden, PriceChanged, and
    StateConflict as ``call_off`` does.
    """
    require(scope, reservation, Verb.RELEASE)
    reason = f"cancelled by {actor.label}"
    return call_off(actor=actor, reservation=reservation, reason=reason, by_terms=True, agreed=agreed)


@repeatable
@transaction.atomic
def call_off(
    *,
    actor: Actor,
    reservation: Reservation,
    reason: str,
    by_terms: bool = False,
    agreed: Money | None = None,
) -> Reservation:
    """Call off a reservation that is not handed over yet; servers that were begun with are erased.

    Nothing is owed, or ``by_terms`` what was agreed. The caller has made sure that the actor may. Raises StateConflict
    for one that is active or over, and PriceChanged where more is owed than ``agreed``.
    """
    fresh = lock_row(Reservation, reservation.pk)
    fee = cancellation_of(fresh, clock.now()).fee if by_terms else Money(Decimal(0), fresh.currency)
    require_agreed(fee, agreed)
    if fresh.state == ReservationState.PROVISIONING:
        return _end(actor, fresh, reason, data={"fee": fee.as_json()}, cancellation_fee=fee.amount)
    if fresh.state == ReservationState.ACTIVE:
        raise StateConflict("The reservation is active: release it instead.", extra={"state": fresh.state})
    advance(
        fresh,
        ReservationState.CANCELLED,
        actor=actor,
        scope=fresh.organization.public_id,
        reason=reason,
        data={"fee": fee.as_json()},
        cancellation_fee=fee.amount,
    )
    let_go(actor, fresh, "reservation cancelled")
    tell(actor=actor, subject=fresh.public_id, event_type="reservation.cancelled")
    return fresh


@dataclass(frozen=True)
class Release:
    """What a release comes to ``until`` an instant: what is called off sooner than that costs no more."""

    until: datetime
    left: Cut


def look_at_release(reservation: Reservation, unused: Unused = Unused.BY_TERMS) -> Release:
    """Return the most that an active reservation costs in all when it is released in the next TIME_TO_DECIDE.

    Raises StateConflict unless it is active.
    """
    _require_active(reservation)
    until = min(clock.now() + TIME_TO_DECIDE, reservation.span.end)
    return Release(until, cut(reservation, until, until, unused))


def _require_active(reservation: Reservation) -> None:
    if reservation.state != ReservationState.ACTIVE:
        raise StateConflict(
            f"The reservation is {reservation.state}; only an active one can be released.",
            extra={"state": reservation.state},
        )


def release(*, scope: Scope, actor: Actor, reservation: Reservation, agreed: Money | None = None) -> Reservation:
    """End an active reservation on the customer's wish; what is not used costs what its terms say without notice.

    That is what shortening it would cost. ``agreed`` is the most that may be owed in all. Raises NotFound for another
    project's, Forbidden, and StateConflict and PriceChanged as ``take_back`` does.
    """
    require(scope, reservation, Verb.RELEASE)
    reason = f"released by {actor.label}"
    return take_back(actor=actor, reservation=reservation, reason=reason, unused=Unused.BY_TERMS, agreed=agreed)


@repeatable
@transaction.atomic
def take_back(
    *,
    actor: Actor,
    reservation: Reservation,
    reason: str,
    unused: Unused = Unused.PAID,
    agreed: Money | None = None,
) -> Reservation:
    """End an active reservation now: its servers are erased.

    Its price stays, or is less by what is not owed for the time that is ``unused``. The caller has made sure that the
    actor may. Raises StateConflict unless active, and PriceChanged where more is owed than ``agreed``.
    """
    fresh = lock_row(Reservation, reservation.pk)
    _require_active(fresh)
    if unused == Unused.PAID:
        require_agreed(fresh.total, agreed)
        return _end(actor, fresh, reason)
    left = cut(fresh, clock.now(), clock.now(), unused)
    require_agreed(left.total, agreed)
    return _end(actor, fresh, reason, **_given_back(left))


def _given_back(left: Cut) -> dict[str, Any]:
    """Return the fields of the price without what needs not be paid for the time that is given back now."""
    fields = repriced(left.charges, left.total.currency)
    return {"data": {"saved": left.saved.as_json()}, "cancellation_fee": left.owed.amount, **fields}


@transaction.atomic
def end_due(*, actor: Actor, reservation: Reservation) -> Reservation:
    """End a reservation whose period is over. One that is not due, or ends already, stays as it is."""
    fresh = lock_row(Reservation, reservation.pk)
    if fresh.span.end > clock.now():
        return fresh
    if fresh.state == ReservationState.HELD:
        let_go(actor, fresh, OVER)
        advance(fresh, ReservationState.EXPIRED, actor=actor, scope=fresh.organization.public_id, reason=OVER)
        tell(actor=actor, subject=fresh.public_id, event_type="reservation.expired")
    elif fresh.state == ReservationState.SCHEDULED:
        let_go(actor, fresh, OVER)
        fail(actor=actor, reservation=fresh, reason="its servers never became free")
    elif fresh.state in (ReservationState.ACTIVE, ReservationState.PROVISIONING):
        _end(actor, fresh, OVER)
    return fresh


@transaction.atomic
def overrun(*, actor: Actor, reservation: Reservation) -> None:
    """Move a reservation on whose working state took too long: what is being prepared is taken back; what is being
    taken back is over for the tenant, and its servers are quarantined.
    """
    fresh = lock_row(Reservation, reservation.pk)
    if fresh.state_deadline_at is None or fresh.state_deadline_at > clock.now():
        return
    if fresh.state == ReservationState.HELD:
        let_go(actor, fresh, OVER)
        advance(fresh, ReservationState.EXPIRED, actor=actor, scope=fresh.organization.public_id, reason=OVER)
        tell(actor=actor, subject=fresh.public_id, event_type="reservation.expired")
    elif fresh.state == ReservationState.PROVISIONING:
        _end(actor, fresh, "its preparation took too long")
    elif fresh.state == ReservationState.ENDING:
        for operation in operations_for(fresh.public_id).filter(state__in=OPEN_OPERATION):
            cancel_operation(actor=actor, operation=operation, reason="took too long")
        reason = "its erasure took too long"
        cleaning = Allocation.objects.filter(reservation=fresh, state=AllocationState.CLEANING)
        lock_rows(Server.objects.filter(pk__in=cleaning.values("server_id")))
        for allocation in lock_rows(cleaning):
            advance(allocation, AllocationState.RELEASED, actor=actor, reason=reason)
            give_up_erasure(actor=actor, server=allocation.server, reason=reason)
        close(actor=actor, reservation=fresh)


def _end(actor: Actor, reservation: Reservation, reason: str, **fields: Any) -> Reservation:
    """Stop what runs, then queue the erasure of every server that was begun with.

    ``fields`` are written along. Where nothing was handed over, nothing is owed unless they say so.
    """
    if reservation.handed_over_at is None:
        fields = {"cancellation_fee": Decimal(0)} | fields
    not_before = clock.now()
    for operation in operations_for(reservation.public_id).filter(state__in=OPEN_OPERATION):
        not_before = max(not_before, cancel_operation(actor=actor, operation=operation, reason=reason))
    tell(actor=actor, subject=reservation.public_id, event_type="reservation.ending")
    to_erase = _start_cleaning(actor, reservation, reason)
    scope = reservation.organization.public_id
    advance(reservation, ReservationState.ENDING, actor=actor, scope=scope, reason=reason, **fields)
    if to_erase:
        queue_operation(
            actor=actor,
            kind=OperationKind.RELEASE,
            subject=reservation.public_id,
            project=reservation.project,
            servers=[(allocation.server, allocation.hostname) for allocation in to_erase],
            not_before=not_before,
        )
    else:
        close(actor=actor, reservation=reservation)
    return reservation


def _start_cleaning(actor: Actor, reservation: Reservation, reason: str) -> list[Allocation]:
    _lock_servers(reservation)
    locked = lock_rows(Allocation.objects.filter(reservation=reservation, state__in=USED))
    allocations = Allocation.objects.select_related("server").filter(pk__in=[item.pk for item in locked])
    to_erase = []
    for allocation in allocations.order_by("position"):
        if allocation.state == AllocationState.SERVING or allocation.server.state in TO_BE_ERASED:
            advance(
                allocation,
                AllocationState.CLEANING,
                actor=actor,
                reason=reason,
                **in_turnover(allocation, clock.now(), reservation.server_type.cleanup_time),
            )
            to_erase.append(allocation)
        else:
            advance(allocation, AllocationState.RELEASED, actor=actor, reason=reason)
    wake_waiting_list(reservation.server_type_id, reservation.region_id)
    return to_erase


@transaction.atomic
def fail(*, actor: Actor, reservation: Reservation, reason: str, operation: Operation | None = None) -> None:
    """Note that none of a reservation's servers was handed over: nothing is owed.

    Raises StateConflict for one that is past that.
    """
    scope, nothing = reservation.organization.public_id, Decimal(0)
    advance(reservation, ReservationState.FAILED, actor=actor, scope=scope, reason=reason, cancellation_fee=nothing)
    tell(actor=actor, subject=reservation.public_id, event_type="reservation.failed", operation=operation)


@transaction.atomic
def close(*, actor: Actor, reservation: Reservation) -> None:
    """Note that all servers of an ending reservation are taken back."""
    advance(reservation, ReservationState.ENDED, actor=actor, scope=reservation.organization.public_id)
    tell(actor=actor, subject=reservation.public_id, event_type="reservation.ended")
