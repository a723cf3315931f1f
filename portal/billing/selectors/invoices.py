"""A customer's invoices, as it may see them."""

from django.db import models

from portal.billing.models import CreditNote, Invoice
from portal.core.errors import NotFound
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope


def invoices_of(scope: Scope) -> models.QuerySet[Invoice]:
    """Return the organization's invoices that have a number, newest first. Raises Forbidden."""
    scope.require(Verb.VIEW_BILLING)
    return Invoice.objects.filter(organization=scope.organization, number__isnull=False).order_by("-pk")


def invoice_of(scope: Scope, public_id: str) -> Invoice:
    """Return one of them, with its lines. Raises NotFound, and Forbidden."""
    found = invoices_of(scope).prefetch_related(*PARTS).filter(public_id=public_id).first()
    if found is None:
        raise NotFound("Your organization has no such invoice.")
    return found


def credit_note_of(scope: Scope, public_id: str) -> CreditNote:
    """Return a credit note of one of them. Raises NotFound, and Forbidden."""
    notes = CreditNote.objects.filter(invoice__in=invoices_of(scope).order_by()).select_related("invoice")
    found = notes.filter(public_id=public_id).first()
    if found is None:
        raise NotFound("Your organization has no such credit note.")
    return found


PARTS = (
    models.Prefetch("credit_notes", CreditNote.objects.order_by("pk")),
    "lines__reservation",
    "lines__project",
    "lines__contract",
    "payments",
)
"""What is shown of an invoice beside its sums."""
