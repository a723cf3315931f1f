"""The end of contracts: at the end of their term, before it, or because nobody signed in time."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from portal.approvals.models import Approval
from portal.approvals.services import request_approval
from portal.audit.services import record
from portal.audit.transitions import advance
from portal.contracts.models import Contract, ContractReservation, Renewal
from portal.contracts.selectors import renewal_due, renewals_of
from portal.contracts.services.asking import lock_asked
from portal.contracts.services.quoting import lose_contract
from portal.contracts.services.renewing import renew_by_itself
from portal.contracts.services.telling import tell_of
from portal.contracts.states import OFFERED, ContractState
from portal.core import clock
from portal.core.actors import SYSTEM, Actor
from portal.core.errors import FieldError, InvalidInput, StateConflict
from portal.core.locks import lock_row
from portal.core.repeating import repeatable
from portal.reservations.charges import Unused
from portal.reservations.models import Reservation
from portal.reservations.request import min_length
from portal.reservations.services.behalf import scope_for, shorten_for
from portal.reservations.services.lifecycle import call_off, take_back
from portal.reservations.services.shorten import shorten
from portal.reservations.states import ReservationState

RAN_OUT = "not signed in time"
OVER = "the term is over"
AT_ONCE = timedelta(minutes=10)
"""An end that is nearer than this is now: servers are not given notice of less."""
LONGEST_REASON = 300
EARLY_END = "contract_end"
"""The kind of approval of an end that takes away what a customer uses."""


@repeatable
@transaction.atomic
def terminate_contract(*, actor: Actor, contract: Contract, at: datetime, reason: str) -> Contract:
    """End a contract in force before its term; what it had reserved ends with it.

    What is owed for what is not used is what the contract says of an early end. Raises StateConflict unless it is
    active, and where servers of it are in use: that takes a second person (``ask_to_terminate``). Raises InvalidInput
    on ``at`` outside of the time that is left, on ``reason`` without one.
    """
    fresh = _to_be_ended(contract, at, reason)
    if takes_away(fresh, at):
        text = f"Servers of {fresh} are in use: somebody else has to agree to an earlier end. Ask for it."
        raise StateConflict(text, extra={"state": fresh.state})
    return _end_early(actor, fresh, at, reason)


def takes_away(contract: Contract, at: datetime) -> bool:
    """Tell whether an end at an instant takes away servers that the customer uses."""
    used = {"reservation__state": ReservationState.ACTIVE, "reservation__period__endswith__gt": at}
    return ContractReservation.objects.filter(line__contract=contract, **used).exists()


@repeatable
@transaction.atomic
def ask_to_terminate(*, actor: Actor, contract: Contract, at: datetime, reason: str) -> Approval:
    """Ask that a contract end early whose servers are in use; it does as soon as somebody else of the staff agrees.

    Raises what ``terminate_contract`` raises, StateConflict where nobody else has to agree, and what
    ``request_approval`` raises.
    """
    lock_asked(contract)
    fresh = _to_be_ended(contract, at, reason)
    if not takes_away(fresh, at):
        raise StateConflict(f"Nothing of {fresh} is in use then: it takes nobody else's approval.")
    return request_approval(
        actor=actor,
        kind=EARLY_END,
        subject=fresh.public_id,
        data={"number": str(fresh), "at": clock.as_rfc3339(at)},
        reason=reason,
        organization=fresh.organization,
    )


@transaction.atomic
def end_as_agreed(*, actor: Actor, approval: Approval) -> Contract:
    """End a contract early as somebody asked and another agreed; at once where the instant has passed meanwhile.

    The queue of approvals calls it. Raises what ``terminate_contract`` raises, but for servers in use.
    """
    contract = Contract.objects.get(public_id=approval.subject)
    at = max(datetime.fromisoformat(approval.data["at"]), clock.now())
    reason = approval.reason[:LONGEST_REASON]
    return _end_early(actor, _to_be_ended(contract, at, reason), at, reason)


def _to_be_ended(contract: Contract, at: datetime, reason: str) -> Contract:
    """Lock a contract that is to end early. Raises StateConflict and InvalidInput."""
    fresh = lock_row(Contract, contract.pk)
    if fresh.state != ContractState.ACTIVE:
        text = f"{fresh} is {fresh.state}; only an active contract is terminated."
        raise StateConflict(text, extra={"state": fresh.state})
    _check(fresh, at, reason)
    return fresh


def _end_early(actor: Actor, fresh: Contract, at: datetime, reason: str) -> Contract:
    """End what it had reserved, and it itself or note when it will."""
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
    # Of one that would be renewed by itself, an end with its term is the notice that it is not.
    renewed = renewals_of(contract.year, contract.serial).first()
    is_notice = at == contract.span.end and contract.renewal == Renewal.AUTOMATIC
    if is_notice and renewed is not None:
        errors.append(FieldError("at", "renewed", f"It is renewed already: end {renewed} instead."))
    elif at >= contract.span.end and not is_notice:
        errors.append(FieldError("at", "after_term", "The term ends before that by itself."))
    elif contract.ends_early_at is not None and at > contract.ends_early_at:
        text = f"It ends at {clock.as_rfc3339(contract.ends_early_at)} already; choose an earlier end."
        errors.append(FieldError("at", "ends_before", text))
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
    if reservation.state == ReservationState.ACTIVE:
        if at <= now + AT_ONCE:
            take_back(actor=actor, reservation=reservation, reason=reason, unused=Unused.BY_TERMS)
        else:
            scope = scope_for(actor, reservation.project)
            shorten(scope=scope, actor=actor, reservation=reservation, ends_at=at)
    elif at - span.start < min_length() or at <= now + AT_ONCE:
        # Nobody is handed servers over for less than can be reserved.
        call_off(actor=actor, reservation=reservation, reason=reason, by_terms=True)
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
    elif Contract.objects.filter(renewal_due(), pk=fresh.pk).exists():
        return renew_by_itself(contract=fresh) is not None
    else:
        return False
    if fresh.state != ContractState.LOST:
        tell_of(SYSTEM, fresh, "contract.ended")
    return True
