"""Usage and invoices."""

import re
from datetime import date
from decimal import Decimal

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from portal.billing.einvoice.documents import invoice_xml, note_xml
from portal.billing.invoice_pdf import pdf_of, rate_text
from portal.billing.note_pdf import note_pdf_of
from portal.billing.selectors.amounts import credits_left, open_amount
from portal.billing.selectors.forecast import outlook
from portal.billing.selectors.invoices import credit_note_of, invoice_of, invoices_of
from portal.billing.selectors.ledger import paid_ahead
from portal.billing.selectors.usage import GroupBy, by_day_and_project, usage_of
from portal.billing.services.online import payable_online
from portal.billing.tables import hours, invoice_csv, usage_csv
from portal.core import clock
from portal.core.errors import EInvoiceImpossible, StateConflict
from portal.core.money import Money
from portal.core.months import FIRST_YEAR, month_of, next_month, previous_month, span_of
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.pages import tenant_page
from portal.web.usage_chart import chart_of

PAGE_LENGTH = 24
MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)


def month_asked(request: HttpRequest) -> date:
    """Return the month that a page is asked for; the present one instead of one that is none, or is to come."""
    present, found = month_of(clock.now()), MONTH.fullmatch(request.GET.get("month", ""))
    if found is None or not (1 <= int(found[2]) <= 12 and int(found[1]) >= FIRST_YEAR):
        return present
    return min(date(int(found[1]), int(found[2]), 1), present)


@tenant_page
@require_safe
def usage(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Show a month by day, project and reservation, and what it comes to."""
    month, present = month_asked(request), month_of(clock.now())
    span, sees_money = span_of(month), scope.may(Verb.VIEW_BILLING)
    rows = usage_of(scope, span, GroupBy.RESERVATION)
    context = {
        "month": month,
        "before": previous_month(month) if month.year > FIRST_YEAR else None,
        "after": next_month(month) if month < present else None,
        "chart": chart_of(span, by_day_and_project(scope, span)) if rows else None,
        "rows": [(row, hours(row.gpu_time), hours(row.reserved), hours(row.powered)) for row in rows],
        "whole": sees_money,
        "outlooks": outlook(scope.organization, month, clock.now()) if sees_money and month == present else [],
    }
    return render(request, "web/pages/usage.html", context)


@tenant_page
@require_safe
def usage_file(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Give a month's usage by reservation as CSV."""
    month = month_asked(request)
    found = usage_of(scope, span_of(month), GroupBy.RESERVATION)
    return _file(usage_csv(found).encode(), "text/csv; charset=utf-8", f"usage-{month:%Y-%m}.csv")


@tenant_page
@require_safe
def invoices(request: HttpRequest, scope: Scope) -> HttpResponse:
    """List the invoices."""
    page = Paginator(invoices_of(scope), PAGE_LENGTH).get_page(request.GET.get("page"))
    currency = scope.organization.currency
    left = sum((left for _, left in credits_left(scope.organization, currency)), start=Decimal(0))
    context = {
        "page": page,
        "paid_ahead": paid_ahead(scope.organization, currency),
        "credit": Money(left, currency),
    }
    return render(request, "web/pages/invoices.html", context)


@tenant_page
@require_safe
def invoice(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Show an invoice."""
    found = invoice_of(scope, public_id)
    lines = [(line, "" if line.rate is None else rate_text(line.rate)) for line in found.lines.all()]
    context = {
        "invoice": found,
        "lines": lines,
        "subtotal": Money(found.subtotal, found.currency),
        "tax": Money(found.tax, found.currency),
        "open": open_amount(found),
        "is_payable": payable_online(found),
        "is_late": found.state == "issued" and found.due_at is not None and found.due_at < clock.now(),
    }
    return render(request, "web/pages/invoice.html", context)


@tenant_page
@require_safe
def invoice_page(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Give an invoice as PDF."""
    found = invoice_of(scope, public_id)
    return _file(pdf_of(found), "application/pdf", f"{found.number}.pdf")


@tenant_page
@require_safe
def invoice_file(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Give the lines of an invoice as CSV."""
    found = invoice_of(scope, public_id)
    return _file(invoice_csv(found).encode(), "text/csv; charset=utf-8", f"{found.number}.csv")


@tenant_page
@require_safe
def invoice_document(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Give an invoice for programs; where it lacks something, its page says what."""
    found = invoice_of(scope, public_id)
    try:
        content = invoice_xml(found)
    except (EInvoiceImpossible, StateConflict) as error:
        return _back(request, error.detail, found.public_id)
    return _file(content, "application/xml", f"{found.number}.xml")


@tenant_page
@require_safe
def credit_note_page(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Give a credit note as PDF."""
    found = credit_note_of(scope, public_id)
    return _file(note_pdf_of(found), "application/pdf", f"{found.number}.pdf")


@tenant_page
@require_safe
def credit_note_document(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Give a credit note for programs; where its invoice lacks something, that one's page says what."""
    found = credit_note_of(scope, public_id)
    try:
        content = note_xml(found)
    except EInvoiceImpossible as error:
        return _back(request, error.detail, found.invoice.public_id)
    return _file(content, "application/xml", f"{found.number}.xml")


def _back(request: HttpRequest, words: str, invoice_id: str) -> HttpResponse:
    messages.error(request, words)
    return redirect("web:invoice", invoice_id)


def _file(content: bytes, media_type: str, name: str) -> HttpResponse:
    return HttpResponse(
        content, content_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
