"""Credit that a person gives takes two: one asks, somebody of finance agrees, and then it is granted at once."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from portal.approvals.kinds import Kind
from portal.approvals.models import Approval
from portal.approvals.services import request_approval
from portal.billing.models import CreditGrant
from portal.billing.services.credits import grant_credit
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import InvalidInput, StateConflict
from portal.core.money import Money
from portal.tenancy.models import Organization

CREDIT = "credit"
"""The kind of approval."""


@transaction.atomic
def ask_for_credit(
    *, actor: Actor, organization: Organization, amount: Money, label: str, reference: str, reason: str
) -> Approval:
    """Ask that a customer be given credit for the present month; see ``grant_credit``.

    Raises InvalidInput on ``amount`` of nothing or less and on ``label`` and ``reference`` of nothing; StateConflict
    for a reference that was granted before; and what ``request_approval`` raises.
    """
    if amount.amount <= 0:
        raise InvalidInput.of("amount", "not_positive", "Give an amount of more than nothing.")
    said = {"label": label.strip(), "reference": reference.strip()}
    for name, words in said.items():
        if not words:
            raise InvalidInput.of(name, "required", "Say what it is for.")
    if CreditGrant.objects.filter(reference=said["reference"]).exists():
        raise StateConflict(f"Credit for {said['reference']} is granted already.")
    return request_approval(
        actor=actor,
        kind=CREDIT,
        subject=organization.public_id,
        matter=said["reference"],
        data={**said, **amount.as_json(), "month": clock.now().date().replace(day=1).isoformat()},
        reason=reason,
        organization=organization,
    )


def _grant(actor: Actor, approval: Approval) -> None:
    data, organization = approval.data, Organization.objects.get(public_id=approval.subject)
    grant_credit(
        actor=actor,
        organization=organization,
        amount=_amount(data),
        label=data["label"],
        reference=data["reference"],
        month=date.fromisoformat(data["month"]),
    )


def _amount(data: Mapping[str, Any]) -> Money:
    return Money(Decimal(data["amount"]), data["currency"])


def _size(data: Mapping[str, Any]) -> str:
    return f"{_amount(data)}: {data['label']}"


KIND = Kind(
    name=CREDIT,
    title="Credit for a customer",
    staff_permission="billing.decide_credit",
    execute=_grant,
    size=_size,
)
