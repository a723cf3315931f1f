"""Writing a contract: its head, and all of its lines at once."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from portal.audit.services import record
from portal.contracts.checks import PricedLine, priced
from portal.contracts.heads import check_head
from portal.contracts.models import Contract, ContractLine
from portal.contracts.services.numbering import next_number
from portal.contracts.states import ContractState
from portal.contracts.templates import TEMPLATES
from portal.contracts.wishes import ContractWish, LineWish
from portal.core.actors import Actor, ActorKind
from portal.core.constraints import refuse
from portal.core.errors import InvalidInput, StateConflict
from portal.core.locks import lock_row
from portal.core.periods import Period
from portal.core.repeating import repeatable
from portal.tenancy.models import User

WRITTEN = ("contract.drafted", "contract.edited", "contract.lines_set")
"""What the record calls the deeds of who writes a contract."""
LEFT_OUT = "A line lies outside of this term; change the lines first, or choose a term that holds them."


def person_behind(actor: Actor) -> User | None:
    """Return the account of an actor; None for the system."""
    return User.objects.filter(public_id=actor.id).first() if actor.kind == ActorKind.USER else None


def lock_draft(contract: Contract) -> Contract:
    """Lock a contract that is still written. Raises StateConflict for one that no longer is."""
    fresh = lock_row(Contract, contract.pk)
    if fresh.state != ContractState.DRAFT:
        raise StateConflict(
            f"{fresh} is {fresh.state}: it is not edited any more. Reopen it, or amend it.",
            extra={"state": fresh.state},
        )
    return fresh


@repeatable
@transaction.atomic
def draft_contract(*, actor: Actor, wish: ContractWish, **origin: Any) -> Contract:
    """Begin a contract; clauses that are not given are those of the template.

    ``origin`` are fields of one that comes from another. Raises InvalidInput with every wrong field.
    """
    check_head(wish, origin.pop("since", None))
    numbers = {} if "serial" in origin else dict(zip(("year", "serial"), next_number(), strict=True))
    template = TEMPLATES[wish.template]
    contract = Contract.objects.create(
        state=ContractState.DRAFT,
        author=person_behind(actor),
        author_label=actor.label[:200],
        **numbers,
        **origin,
        **_head(wish),
        **{**template.clauses, **wish.clauses},
    )
    _note(actor, contract, "contract.drafted", {"number": contract.number, "version": contract.version})
    return contract


def _head(wish: ContractWish) -> dict[str, Any]:
    return {
        "title": wish.title.strip(),
        "organization": wish.organization,
        "project": wish.project,
        "template": wish.template,
        "currency": wish.chosen_currency,
        "term": Period(wish.starts_at, wish.ends_at).as_range(),
        "payment_days": wish.payment_days,
        "po_number": wish.po_number.strip(),
        "minimum_spend": wish.minimum_spend,
        "image": wish.image,
    }


@repeatable
@transaction.atomic
def edit_contract(*, actor: Actor, contract: Contract, wish: ContractWish) -> Contract:
    """Write the head of a draft anew. Raises StateConflict, and InvalidInput with every wrong field.

    A later version keeps its customer and currency, and lines may not come to lie outside of the term.
    """
    fresh = lock_draft(contract)
    check_head(wish, fresh.span.start if fresh.amends_id else None)
    if fresh.amends_id and (wish.project.pk, wish.chosen_currency) != (fresh.project_id, fresh.currency):
        raise InvalidInput.of("project", "fixed", "A later version is for the same project, in the same currency.")
    if fresh.currency != wish.chosen_currency and fresh.lines.exists():
        text = f"The lines are priced in {fresh.currency}; remove them first."
        raise InvalidInput.of("currency", "mixed", text)
    for field, value in {**_head(wish), **wish.clauses}.items():
        setattr(fresh, field, value)
    with refuse("contract_line_in_term", InvalidInput.of("ends_at", "lines_outside", LEFT_OUT)):
        fresh.save()
    _note(actor, fresh, "contract.edited", {"title": fresh.title})
    return fresh


@repeatable
@transaction.atomic
def set_lines(*, actor: Actor, contract: Contract, lines: Sequence[LineWish]) -> list[ContractLine]:
    """Write all lines of a draft anew, with list price and floor of now.

    Raises StateConflict, and InvalidInput with every wrong field of every row (``lines.0.count``); then the lines are
    as they were. Whether there is room is not asked here: quoting asks.
    """
    fresh = lock_draft(contract)
    found = priced(fresh, lines)
    fresh.lines.all().delete()
    made = ContractLine.objects.bulk_create([_row(fresh, place, line) for place, line in enumerate(found)])
    _note(actor, fresh, "contract.lines_set", {"lines": len(made)})
    return made


@repeatable
@transaction.atomic
def rewrite_contract(*, actor: Actor, contract: Contract, wish: ContractWish, lines: Sequence[LineWish]) -> Contract:
    """Write head and lines of a draft anew, so that both may move to another term. Raises what the two raise."""
    fresh = lock_draft(contract)
    fresh.lines.all().delete()
    written = edit_contract(actor=actor, contract=fresh, wish=wish)
    set_lines(actor=actor, contract=written, lines=lines)
    return written


def _row(contract: Contract, position: int, line: PricedLine) -> ContractLine:
    wish, money = line.wish, line.money
    return ContractLine(
        contract=contract,
        position=position,
        server_type=wish.server_type,
        region=wish.region,
        count=wish.count,
        period=line.period.as_range(),
        placement=wish.placement,
        unit_price=money.unit,
        discount=money.discount,
        sla_tier=wish.sla_tier,
        list_price=money.list_rate,
        floor_price=money.floor_rate,
        below_floor_reason=wish.below_floor_reason.strip(),
        overflow=wish.overflow,
        origin=wish.origin,
    )


def _note(actor: Actor, contract: Contract, verb: str, data: dict[str, Any]) -> None:
    record(actor=actor, verb=verb, target=contract.public_id, scope=contract.organization.public_id, data=data)
