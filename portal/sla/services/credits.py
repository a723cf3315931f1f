"""What becomes of credits: billing puts them on an invoice; a wrong one is taken back before that."""

from collections.abc import Sequence

from django.db import transaction

from portal.audit.transitions import advance
from portal.core.actors import Actor
from portal.core.errors import InvalidInput
from portal.core.locks import lock_row, lock_rows
from portal.sla.models import SlaCredit
from portal.sla.states import CreditState


@transaction.atomic
def mark_invoiced(*, actor: Actor, credits: Sequence[SlaCredit], invoice: str) -> list[SlaCredit]:
    """Note that credits stand on the invoice with that public id; return them fresh.

    Raises StateConflict where one is no longer due; then nothing is written.
    """
    rows = lock_rows(SlaCredit.objects.filter(pk__in=[credit.pk for credit in credits]))
    for row in rows:
        scope = row.organization.public_id
        advance(row, CreditState.INVOICED, actor=actor, scope=scope, reason=invoice, data={"invoice": invoice})
    return rows


@transaction.atomic
def void_credit(*, actor: Actor, credit: SlaCredit, reason: str) -> SlaCredit:
    """Take a credit back that is not on an invoice yet. Raises StateConflict, and InvalidInput without a ``reason``."""
    if not reason.strip():
        raise InvalidInput.of("reason", "required", "Say why: the customer reads it.")
    row = lock_row(SlaCredit, credit.pk)
    advance(row, CreditState.VOID, actor=actor, scope=row.organization.public_id, reason=reason.strip())
    return row
