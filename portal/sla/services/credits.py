"""What becomes of credits: billing takes them off invoices; a wrong one is taken back before that."""

from django.db import transaction

from portal.audit.transitions import advance
from portal.core.actors import Actor
from portal.core.errors import InvalidInput
from portal.core.locks import lock_row
from portal.sla.models import SlaCredit
from portal.sla.states import CreditState


@transaction.atomic
def mark_invoiced(*, actor: Actor, credit: SlaCredit, reference: str) -> SlaCredit:
    """Note that billing takes a credit off the next invoices, as the credit ``reference``; return it fresh.

    Raises StateConflict where it is no longer due.
    """
    row = lock_row(SlaCredit, credit.pk)
    scope = row.organization.public_id
    advance(row, CreditState.INVOICED, actor=actor, scope=scope, reason=reference, data={"grant": reference})
    return row


@transaction.atomic
def void_credit(*, actor: Actor, credit: SlaCredit, reason: str) -> SlaCredit:
    """Take a credit back that billing has not yet. Raises StateConflict, and InvalidInput without a ``reason``."""
    if not reason.strip():
        raise InvalidInput.of("reason", "required", "Say why: the customer reads it.")
    row = lock_row(SlaCredit, credit.pk)
    advance(row, CreditState.VOID, actor=actor, scope=row.organization.public_id, reason=reason.strip())
    return row
