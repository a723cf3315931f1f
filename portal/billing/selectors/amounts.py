"""What invoices have charged, and what of it is not paid yet."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.db import models
from django.db.models import F, Max, Q, Sum
from django.db.models.functions import Coalesce

from portal.billing.models import AccountKind, CreditGrant, Invoice, InvoiceLine, Leg, LineKind
from portal.billing.states import STANDING, InvoiceState
from portal.core.money import Money
from portal.tenancy.models import Organization

PREPAID_USED = "invoice.prepaid"
"""Label of what an invoice was paid with from what was paid ahead when it was issued; later ones begin with it."""
NOTHING = models.Value(Decimal(0), output_field=models.DecimalField(max_digits=16, decimal_places=2))


def charged_for(reservations: Iterable[int]) -> dict[int, Decimal]:
    """Return what standing invoices have charged for reservations, by their pks."""
    lines = (
        InvoiceLine.objects.filter(reservation__in=list(reservations), invoice__state__in=STANDING)
        .order_by()
        .values("reservation")
        .annotate(sum=Sum("amount"))
    )
    return {row["reservation"]: row["sum"] for row in lines}


def settled_until(organization: Organization, month: date) -> dict[str, date]:
    """Return by currency the last month after one that has a standing invoice: it settles all that is before it."""
    rows = Invoice.objects.filter(organization=organization, month__gt=month, state__in=STANDING)
    return dict(rows.order_by().values_list("currency").annotate(last=Max("month")))


def credits_left(organization: Organization, currency: str) -> list[tuple[CreditGrant, Decimal]]:
    """Return the credits of which something is left, oldest first, each with that."""
    used = (
        InvoiceLine.objects.filter(grant=models.OuterRef("pk"), invoice__state__in=STANDING)
        .order_by()
        .values("grant")
        .annotate(sum=Sum("amount"))
        .values("sum")
    )
    grants = (
        CreditGrant.objects.filter(organization=organization, currency=currency)
        .annotate(left=F("amount") + Coalesce(models.Subquery(used), NOTHING))
        .filter(left__gt=0)
        .order_by("pk")
    )
    return [(grant, grant.left) for grant in grants]


def credit_of(invoice: Invoice) -> Decimal:
    """Return what credits take off an invoice, as a positive amount."""
    return -(invoice.lines.filter(kind=LineKind.CREDIT).aggregate(sum=Sum("amount"))["sum"] or Decimal(0))


def prepaid_at_issue(invoice: Invoice) -> Decimal:
    """Return what of an invoice was paid from what was paid ahead when it was issued."""
    return _from_prepaid(invoice, Q(entry__label=PREPAID_USED))


def prepaid_on(invoice: Invoice) -> Decimal:
    """Return what of an invoice was paid from what was paid ahead, then or later."""
    return _from_prepaid(invoice, Q(entry__label__startswith=PREPAID_USED))


def _from_prepaid(invoice: Invoice, labels: Q) -> Decimal:
    legs = Leg.objects.filter(labels, entry__reference=invoice.public_id, account__kind=AccountKind.PREPAID)
    return legs.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def paid_on(invoice: Invoice) -> Decimal:
    """Return what payments came in for an invoice, less those that were undone."""
    return invoice.payments.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def open_amount(invoice: Invoice) -> Money:
    """Return what of an issued invoice is not paid, nor taken back by credit notes."""
    if invoice.state != InvoiceState.ISSUED:
        return Money(Decimal(0), invoice.currency)
    noted = sum((note.total - _to_prepaid(note.public_id) for note in invoice.credit_notes.all()), Decimal(0))
    return Money(invoice.total - paid_on(invoice) - noted - prepaid_on(invoice), invoice.currency)


def _to_prepaid(reference: str) -> Decimal:
    """Return what of a credit note was put to what is paid ahead."""
    legs = Leg.objects.filter(entry__reference=reference, account__kind=AccountKind.PREPAID)
    return -(legs.aggregate(sum=Sum("amount"))["sum"] or Decimal(0))
