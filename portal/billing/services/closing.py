"""Closing a month: its usage becomes final, and what it costs an invoice. Safe to do twice, late, or never."""

import logging
from datetime import date

from django.db import transaction

from portal.audit.services import record
from portal.billing.models import BillingProfile, Invoice, MonthClose
from portal.billing.selectors.closing import months_due, open_months
from portal.billing.services.drafting import draft_invoices
from portal.billing.services.issuing import issue_invoice
from portal.billing.services.promises import take_up_credits
from portal.billing.services.usage import finalise_usage
from portal.billing.states import InvoiceState
from portal.core import clock
from portal.core.actors import SYSTEM, Actor
from portal.core.errors import StateConflict
from portal.core.locks import wait_for_turn
from portal.core.months import previous_month, span_of
from portal.core.repeating import repeatable
from portal.sla.services.measuring import measure_month
from portal.tenancy.models import Organization

log = logging.getLogger(__name__)


@repeatable
@transaction.atomic
def close_month(*, actor: Actor, organization: Organization, month: date) -> list[Invoice]:
    """Count a customer's month and bill it, by one invoice for each currency; return the invoices that stand.

    What was promised is measured first, where that was not done yet, so that a credit for the month is on its invoice
    whichever of the two sweeps comes first. Invoices are issued at once unless finance looks at this customer's first.
    A month that is closed stays as it is; where its invoice was made void, it is billed anew. Raises StateConflict for
    a month that is not over, or that earlier ones must be closed before.
    """
    if month.day != 1:
        raise StateConflict("A month is named by its first day.")
    if span_of(month).end > clock.now():
        raise StateConflict(f"{month:%B %Y} is not over (UTC).")
    wait_for_turn(f"billing of {organization.pk}")
    standing = Invoice.objects.filter(organization=organization, month=month).exclude(state=InvoiceState.VOID)
    closed = MonthClose.objects.filter(organization=organization, month=month).first()
    has_void = Invoice.objects.filter(organization=organization, month=month, state=InvoiceState.VOID).exists()
    if closed is not None and not has_void:
        return list(standing.order_by("currency"))
    if closed is None:
        measure_month(actor=actor, month=month, organization=organization)
        _count(actor, organization, month)
    take_up_credits(actor=actor, organization=organization, month=month)
    made = draft_invoices(actor=actor, organization=organization, month=month)
    profile = BillingProfile.objects.filter(organization=organization).first()
    if profile is None or not profile.is_reviewed:
        for invoice in made:
            issue_invoice(actor=actor, invoice=invoice)
    return list(standing.order_by("currency"))


def _count(actor: Actor, organization: Organization, month: date) -> None:
    earlier = [other for other in open_months(organization, month) if other < month]
    if earlier:
        raise StateConflict(f"Close {earlier[0]:%B %Y} first: months are billed in order.")
    before = previous_month(month)
    corrected = 0
    if MonthClose.objects.filter(organization=organization, month=before).exists():
        corrected = finalise_usage(actor=actor, organization=organization, month=before)
    counted = finalise_usage(actor=actor, organization=organization, month=month)
    MonthClose.objects.create(organization=organization, month=month)
    record(
        actor=actor,
        verb="billing.month_closed",
        target=organization.public_id,
        scope=organization.public_id,
        data={"month": f"{month:%Y-%m}", "records": counted, "corrections": corrected},
    )


def close_due() -> int:
    """Close every month that is due; return how many were. One customer's trouble does not keep others from it."""
    closed, stuck = 0, set()
    for organization, month in months_due():
        if organization.pk in stuck:
            continue
        try:
            close_month(actor=SYSTEM, organization=organization, month=month)
        except Exception:
            # Whatever it is, a mistake of ours too: the others' months are closed all the same, and this one is undone.
            log.exception("%s of %s was not closed", f"{month:%Y-%m}", organization.public_id)
            stuck.add(organization.pk)
        else:
            closed += 1
    return closed
