"""Giving a customer credit: the next invoices take it off by themselves."""

from datetime import date

from django.db import transaction

from portal.audit.services import record
from portal.billing.models import AccountKind, CreditGrant
from portal.billing.services.ledger import Posting, account_of, post_entry
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import InvalidInput, StateConflict
from portal.core.money import Money
from portal.tenancy.models import Organization

GRANTED = "credit.granted"


@transaction.atomic
def grant_credit(
    *, actor: Actor, organization: Organization, amount: Money, label: str, reference: str, month: date
) -> CreditGrant:
    """Give credit for ``month`` (any day of it) and post it; ``reference`` names what for, once.

    ``label`` is what the invoice says. Raises InvalidInput on ``amount`` of nothing or less, and StateConflict for a
    reference that was granted before.
    """
    if amount.amount <= 0:
        raise InvalidInput.of("amount", "not_positive", "Give an amount of more than nothing.")
    known = StateConflict(f"Credit for {reference} is granted already.")
    with refuse("billing_creditgrant_reference_key", known):
        grant = CreditGrant.objects.create(
            organization=organization,
            amount=amount.amount,
            currency=amount.currency,
            label=label[:200],
            reference=reference,
            month=month.replace(day=1),
            granted_by=actor.label[:200],
        )
    legs = {
        account_of(AccountKind.CREDITS, amount.currency): amount.amount,
        account_of(AccountKind.RECEIVABLE, amount.currency, organization): -amount.amount,
    }
    posting = Posting(GRANTED, grant.public_id, f"{organization.name}: {label}", legs)
    post_entry(actor=actor, organization=organization, posting=posting)
    record(
        actor=actor,
        verb="credit.granted",
        target=grant.public_id,
        scope=organization.public_id,
        data={"amount": amount.as_json(), "reference": reference, "label": label},
    )
    return grant
