"""Posting to the ledger: the only place where entries are written."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from portal.audit.services import record
from portal.billing.models import Account, AccountKind, Entry, Leg
from portal.billing.models.ledger import OF_CUSTOMERS
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import StateConflict
from portal.core.money import Money
from portal.tenancy.models import Organization


@dataclass(frozen=True)
class Posting:
    """What is to be posted: legs by account, debits positive; those of one currency sum to 0."""

    label: str
    reference: str
    words: str
    legs: Mapping[Account, Decimal]


def account_of(kind: AccountKind, currency: str, organization: Organization | None = None) -> Account:
    """Return the account of a kind and currency, made where there is none; a customer's for its kinds."""
    owner = organization if kind in OF_CUSTOMERS else None
    account, _ = Account.objects.get_or_create(kind=kind, currency=currency, organization=owner)
    return account


@transaction.atomic
def post_entry(*, actor: Actor, organization: Organization, posting: Posting) -> Entry:
    """Write one entry with its legs; legs of nothing are left out.

    Raises StateConflict where the same was posted before, and ValueError for legs that do not sum to 0.
    """
    legs = {account: amount for account, amount in posting.legs.items() if amount}
    sums: dict[str, Decimal] = {}
    for account, amount in legs.items():
        # The currency's own places: a leg is never finer than what can be paid.
        exact = Money(amount, account.currency).amount
        if exact != amount:
            raise ValueError(f"{amount} is finer than {account.currency} can be paid.")
        sums[account.currency] = sums.get(account.currency, Decimal(0)) + amount
    if not legs or any(sums.values()):
        raise ValueError(f"The legs of {posting.label} {posting.reference} sum to {sums}.")
    taken = StateConflict(f"{posting.label} of {posting.reference} is in the ledger already.")
    with refuse("entry_once", taken):
        entry = Entry.objects.create(
            label=posting.label, reference=posting.reference, words=posting.words[:200], actor_label=actor.label[:200]
        )
    Leg.objects.bulk_create(Leg(entry=entry, account=account, amount=amount) for account, amount in legs.items())
    record(
        actor=actor,
        verb="ledger.posted",
        target=entry.public_id,
        scope=organization.public_id,
        data={
            "label": posting.label,
            "reference": posting.reference,
            "legs": {account.public_id: str(amount) for account, amount in legs.items()},
        },
    )
    return entry


def reversed_legs(entry: Entry) -> dict[Account, Decimal]:
    """Return the legs that undo an entry."""
    return {leg.account: -leg.amount for leg in entry.legs.select_related("account")}
