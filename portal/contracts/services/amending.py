"""What is agreed anew: a later version of a contract in force, or another term like it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import transaction

from portal.contracts.arithmetic import whole_months
from portal.contracts.checks import look_at_line
from portal.contracts.continuing import require_in_force
from portal.contracts.models import Contract, ContractLine
from portal.contracts.needs import lines_of
from portal.contracts.services.drafting import draft_contract, set_lines
from portal.contracts.states import ContractState
from portal.contracts.templates import TEMPLATES
from portal.contracts.wishes import ContractWish, LineWish
from portal.core import clock
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import StateConflict
from portal.core.locks import lock_row
from portal.core.money import round_money
from portal.core.periods import Period
from portal.core.repeating import repeatable

RENEWABLE = (ContractState.ACTIVE, ContractState.EXPIRED)


def _again(contract: Contract, term: Period) -> ContractWish:
    return ContractWish(
        title=contract.title,
        organization=contract.organization,
        project=contract.project,
        template=contract.template,
        starts_at=term.start,
        ends_at=term.end,
        currency=contract.currency,
        payment_days=contract.payment_days,
        po_number=contract.po_number,
        minimum_spend=contract.minimum_spend,
        image=contract.image,
        clauses=contract.clauses(),
    )


@repeatable
@transaction.atomic
def amend_contract(*, actor: Actor, contract: Contract) -> Contract:
    """Begin the next version of a contract in force, with the same words and lines. That stays in force until then.

    Raises StateConflict for one that is not active, ends early, or has a next version already.
    """
    before = lock_row(Contract, contract.pk)
    require_in_force(before, "only what is in force to its end is amended; write another contract")
    lines = lines_of(before)
    open_already = StateConflict(f"{before} has a next version already: go on with that, or lose it.")
    last = Contract.objects.filter(year=before.year, serial=before.serial).order_by("-version")[0].version
    with refuse("contract_one_amendment", open_already):
        made = draft_contract(
            actor=actor,
            wish=_again(before, before.span),
            since=before.span.start,
            year=before.year,
            serial=before.serial,
            version=last + 1,
            amends=before,
        )
    set_lines(actor=actor, contract=made, lines=[LineWish.of(line, origin=line) for line in lines])
    return made


@repeatable
@transaction.atomic
def renew_contract(*, actor: Actor, contract: Contract, ends_at: datetime) -> Contract:
    """Begin a contract for the time after one, with the same words; its last lines go on, at their price.

    It begins with the end of that one, or on the next day where that is over. Raises StateConflict for one that is not,
    and was not, in force to its end, and InvalidInput on ``ends_at``.
    """
    before = lock_row(Contract, contract.pk)
    if before.state not in RENEWABLE:
        text = f"{before} is {before.state}; only what is in force to its end is renewed."
        raise StateConflict(text, extra={"state": before.state})
    end, now = before.ends_early_at or before.span.end, clock.now()
    start = end if end == before.span.end and end > now else next_day(max(end, now))
    wish = _again(before, before.span)
    made = draft_contract(
        actor=actor,
        wish=replace(wish, starts_at=start, ends_at=ends_at, minimum_spend=_minimum(before, start, ends_at)),
        renews=before,
    )
    last = [line for line in lines_of(before) if line.span.end == before.span.end]
    wishes = [_at_its_price(made, line, Period(start, ends_at)) for line in last]
    if wishes:
        set_lines(actor=actor, contract=made, lines=wishes)
    return made


def _minimum(contract: Contract, start: datetime, end: datetime) -> Decimal:
    """Return the minimum spend of another term: as much a month, and no less than the form of contract asks for."""
    old = whole_months(contract.span)
    new = whole_months(Period(start, end)) if end > start else 0
    if not (contract.minimum_spend and old and new):
        return contract.minimum_spend
    scaled = round_money(contract.minimum_spend * new / old, contract.currency)
    return max(scaled, TEMPLATES[contract.template].minimum_spend)


def _at_its_price(contract: Contract, line: ContractLine, period: Period) -> LineWish:
    """Return a line for another time. Where prices have risen since, its price is a reason for somebody to agree to."""
    wish = replace(LineWish.of(line), starts_at=period.start, ends_at=period.end)
    found, _ = look_at_line(contract, wish)
    is_cheap = found is not None and found.money.is_below_floor and not wish.below_floor_reason
    return replace(wish, below_floor_reason=f"The price of {line.contract}") if is_cheap else wish


def next_day(moment: datetime) -> datetime:
    """Return the first midnight, UTC, that is not before an instant."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day if day == moment else day + timedelta(days=1)
