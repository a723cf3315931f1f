"""Making an offer of a draft: its capacity is held, and who must agree is asked."""

from datetime import datetime

from django.db import transaction

from portal.audit.transitions import advance
from portal.contracts.checks import priced
from portal.contracts.continuing import changed_lines, require_in_force
from portal.contracts.models import Contract, ContractLine
from portal.contracts.needs import lines_of
from portal.contracts.services.asking import ask, lock_asked, take_back
from portal.contracts.services.drafting import lock_draft
from portal.contracts.services.holding import drop_holds, hold_lines
from portal.contracts.states import OFFER_LASTS, OFFERED, ContractState
from portal.contracts.wishes import LineWish
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import InvalidInput, StateConflict
from portal.core.locks import lock_row
from portal.core.repeating import repeatable


@repeatable
@transaction.atomic
def quote_contract(*, actor: Actor, contract: Contract, valid_until: datetime | None = None) -> Contract:
    """Make an offer that holds until an instant, hold its servers until then, and ask who must agree.

    Raises StateConflict unless it is a draft; InvalidInput with every wrong field, also where a line no longer suits
    or has too few servers free. Then nothing has changed.
    """
    fresh = lock_draft(contract)
    _require_before(fresh)
    until = valid_until or clock.now() + OFFER_LASTS
    if until <= clock.now():
        raise InvalidInput.of("valid_until", "in_the_past", "Choose a later instant until which the offer holds.")
    if until >= fresh.span.end:
        raise InvalidInput.of("valid_until", "after_term", "The offer must run out before the term does.")
    lines = lines_of(fresh)
    _price_anew(fresh, lines)
    hold_lines(actor=actor, contract=fresh, lines=changed_lines(fresh, lines), until=until)
    advance(
        fresh,
        ContractState.QUOTED,
        actor=actor,
        scope=fresh.organization.public_id,
        data={"valid_until": clock.as_rfc3339(until)},
        valid_until=until,
        state_deadline_at=until,
    )
    ask(actor=actor, contract=fresh, lines=lines)
    return fresh


def _price_anew(contract: Contract, lines: list[ContractLine]) -> None:
    """Look at the lines as they are now: days may have passed since they were written, and prices with them.

    Who must agree follows from list prices and floors of the day of the offer. Raises InvalidInput.
    """
    found = priced(contract, [LineWish.of(line, origin=line.origin) for line in lines])
    for line, now in zip(lines, found, strict=True):
        line.list_price, line.floor_price = now.money.list_rate, now.money.floor_rate
        line.save(update_fields=["list_price", "floor_price"])


@repeatable
@transaction.atomic
def reopen_contract(*, actor: Actor, contract: Contract, reason: str) -> Contract:
    """Make a draft of an offer that was not sent yet: what is held is free again, and who agreed has to agree anew.

    Raises StateConflict.
    """
    lock_asked(contract)
    fresh = lock_row(Contract, contract.pk)
    scope = fresh.organization.public_id
    advance(fresh, ContractState.DRAFT, actor=actor, scope=scope, reason=reason, valid_until=None)
    drop_holds(actor=actor, contract=fresh, reason=f"{fresh} is written anew")
    take_back(actor=actor, contract=fresh, reason=reason)
    return fresh


@repeatable
@transaction.atomic
def lose_contract(*, actor: Actor, contract: Contract, reason: str) -> Contract:
    """Note that nothing came of a contract, and free what is held for it. Raises StateConflict once it is active."""
    lock_asked(contract)
    fresh = lock_row(Contract, contract.pk)
    advance(fresh, ContractState.LOST, actor=actor, scope=fresh.organization.public_id, reason=reason)
    drop_holds(actor=actor, contract=fresh, reason=f"{fresh} is lost")
    take_back(actor=actor, contract=fresh, reason=reason)
    return fresh


def require_valid(contract: Contract) -> None:
    """Raise StateConflict for an offer that has run out, though nobody has noted it yet."""
    if contract.state in OFFERED and contract.valid_until and contract.valid_until <= clock.now():
        raise StateConflict(
            f"The offer {contract} ran out at {clock.as_rfc3339(contract.valid_until)}.",
            extra={"state": contract.state},
        )
    _require_before(contract)


def _require_before(contract: Contract) -> None:
    """Raise StateConflict for a later version that could never be in force: the one before it ends, or has ended."""
    if contract.amends is not None:
        require_in_force(contract.amends, f"{contract} has nothing to replace")
