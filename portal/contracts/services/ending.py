"""The end of contracts: at the end of their term, before it, or because nobody signed in time."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from portal.audit.services import record
from portal.audit.transitions import advance
from portal.contracts.models import Contract, ContractReservation
from portal.contracts.services.quoting import lose_contract
from portal.contracts.services.telling import tell_of
from portal.contracts.states import OFFERED, ContractState
from portal.core import clock
from portal.core.actors import SYSTEM, Actor
from portal.core.errors import FieldError, InvalidInput, StateConflict
from portal.core.locks import lock_row
from portal.core.repeating import repeatable
from portal.reservations.charges import Unused
from portal.reservations.models import Reservation
from portal.reservations.services.behalf import shorten_for
from portal.reservations.services.lifecycle import call_off, take_back
from portal.reservations.states import ReservationState

RAN_OUT = "not signed in time"
OVER = "the term is over"
AT_ONCE = timedelta(minutes=10)
"""An end that is nearer than this is now: servers are not given notice of less."""
LONGEST_REASON = 300


@repeatable
@transaction.atomic
def terminate_contract(*, actor: Actor, contract: Contract, at: datetime, reason: str) -> Contract:
    """End a contract in force before its term; what it had reserved ends with it.

    What is owed for what is not used is what the contract says of an early end. Raises StateConflict unless it is
    active, and InvalidInput on ``at`` outside of the time that is left, on ``reason`` without one.
    """
    fresh = lock_row(Contract, contract.pk)
    if fresh.state != ContractState.ACTIVE:
        text = f"{fresh} is {fresh.state}; only an active contract is terminated."
        raise StateConflict(text, extra={"state": fresh.state})
    _check(fresh, at, reason)
    for row in (
        ContractReservation.objects.select_related("reservation").filter(line__contract=fresh).order_by("reservation")
    ):
        _end(actor, row.reservation, at, f"{fresh} ends early: {reason.strip()}"[:LONGEST_REASON])
    ended: dict[str, Any] = {"ends_early_at": at, "early_end_reason": reason.strip()}
    scope = fresh.organization.public_id
    if at <= clock.now() + AT_ONCE:
        advance(fresh, ContractState.TERMINATED, actor=actor, scope=scope, reason=reason.strip(), **ended)
        tell_of(actor, fresh, "contract.ended")
    else:
        Contract.objects.filter(pk=fresh.pk).update(**ended)
        fresh.refresh_from_db()
        told = {"ends_at": clock.as_rfc3339(at), "reason": reason.strip()}
        record(actor=actor, verb="contract.notice_given", target=fresh.public_id, scope=scope, data=told)
    return fresh


def _check(contract: Contract, at: datetime, reason: str) -> None:
    errors = []
    if at >= contract.span.end:
        errors.append(FieldError("at", "after_term", "The term ends before that by itself."))
    if at < clock.now() - AT_ONCE:
        errors.append(FieldError("at", "in_the_past", "Choose today, or a later day."))
    if not 1 <= len(reason.strip()) <= LONGEST_REASON:
        errors.append(FieldError("reason", "length", f"Say why in 1 to {LONGEST_REASON} characters."))
    if errors:
        raise InvalidInput(errors[0].detail if len(errors) == 1 else "Some fields need your attention.", errors=errors)


def _end(actor: Actor, reservation: Reservation, at: datetime, reason: str) -> None:
    """Let a reservation end at an instant: by its own services, at the price that its terms say."""
    now, span = clock.now(), reservation.span
    if span.end <= at or reservation.state not in (
        ReservationState.SCHEDULED,
        ReservationState.PROVISIONING,
        ReservationState.ACTIVE,
    ):
        return
    if span.start >= at or (reservation.state != ReservationState.ACTIVE and at <= now + AT_ONCE):
        call_off(actor=actor, reservation=reservation, reason=reason, by_terms=True)
    elif at <= now + AT_ONCE:
        take_back(actor=actor, reservation=reservation, reason=reason, unused=Unused.BY_TERMS)
    else:
        shorten_for(actor=actor, reservation=reservation, ends_at=at, reason=reason)


@repeatable
@transaction.atomic
def move_on(*, contract: Contract) -> bool:
    """Do what is due with a contract by the clock; tell whether anything was."""
    fresh = lock_row(Contract, contract.pk)
    now, scope = clock.now(), fresh.organization.public_id
    if fresh.state in OFFERED and fresh.valid_until and fresh.valid_until <= now:
        lose_contract(actor=SYSTEM, contract=fresh, reason=RAN_OUT)
    elif fresh.state == ContractState.ACTIVE and fresh.ends_early_at and fresh.ends_early_at <= now:
        reason = fresh.early_end_reason
        advance(fresh, ContractState.TERMINATED, actor=SYSTEM, scope=scope, reason=reason)
    elif fresh.state == ContractState.ACTIVE and fresh.span.end <= now:
        advance(fresh, ContractState.EXPIRED, actor=SYSTEM, scope=scope, reason=OVER)
    else:
        return False
    if fresh.state != ContractState.LOST:
        tell_of(SYSTEM, fresh, "contract.ended")
    return True
