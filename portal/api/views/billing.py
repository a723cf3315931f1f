"""Invoices and usage."""

from functools import partial

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.queries import read_query, refuse_query
from portal.api.replies import object_reply
from portal.api.schema import CSV, PDF, XML, Doc, list_doc, reads
from portal.api.serializers.billing import (
    InvoiceOut,
    InvoicesQuery,
    UsageOut,
    UsageQuery,
    WholeInvoiceOut,
    period_of,
)
from portal.api.views.public import AnyAccept
from portal.api.views.tenant import TenantView
from portal.billing.einvoice.documents import invoice_xml, note_xml
from portal.billing.invoice_pdf import pdf_of
from portal.billing.note_pdf import note_pdf_of
from portal.billing.selectors.invoices import credit_note_of, invoice_of, invoices_of
from portal.billing.selectors.usage import GroupBy, usage_of
from portal.billing.tables import usage_csv
from portal.core.errors import EInvoiceImpossible, NotFound, StateConflict
from portal.tenancy.roles import Verb

TAG = "Billing"
USAGE_TEXT = """
From the hand-over of each server to its release, by the second, as it is billed. With the role `billing`, `admin` or
`owner` it is that of the whole organization, else that of the token's project.

    curl -H "Authorization: Bearer $TOKEN" "$URL/api/v1/usage?from=2030-01-01&to=2030-02-01&group_by=project"
"""


XML_TEXT = """
For programs that enter invoices: EN 16931 in the syntax UN/CEFACT CII, as Factur-X and ZUGFeRD carry it. Amounts are
those of the invoice, to the cent; `gpu_hours` are the quantity and credits are allowances on the whole. What was paid
ahead when it was issued is taken off what is due, later payments are not.
"""


class InvoicesView(TenantView):
    """All invoices."""

    @reads(list_doc("list_invoices", TAG, "List invoices", InvoiceOut, InvoicesQuery, "Newest first."))
    def get(self, request: Request) -> Response:
        """List invoices, newest first."""
        scope = self.scope_for(Verb.VIEW_BILLING)
        query = read_query(InvoicesQuery, request)
        rows = invoices_of(scope)
        if "state" in query:
            rows = rows.filter(state__in=query["state"])
        return page_reply(rows, query, partial(documents, InvoiceOut))


class InvoiceView(TenantView):
    """One invoice."""

    @reads(
        Doc(
            "get_invoice",
            TAG,
            "Look at an invoice",
            WholeInvoiceOut,
            "Its lines add up to `subtotal`.",
            refuses=[NotFound],
            has_etag=True,
        )
    )
    def get(self, request: Request, invoice_id: str) -> HttpResponse:
        """Show an invoice."""
        scope = self.scope_for(Verb.VIEW_BILLING)
        refuse_query(request)
        return object_reply(request, dict(WholeInvoiceOut(invoice_of(scope, invoice_id)).data))


class InvoicePageView(TenantView):
    """One invoice on paper."""

    content_negotiation_class = AnyAccept

    @reads(Doc("get_invoice_pdf", TAG, "Download an invoice as PDF", None, refuses=[NotFound], media=(PDF,)))
    def get(self, request: Request, invoice_id: str) -> HttpResponse:
        """Give the pages."""
        found = invoice_of(self.scope_for(Verb.VIEW_BILLING), invoice_id)
        refuse_query(request)
        return HttpResponse(pdf_of(found), content_type=PDF)


class InvoiceFileView(TenantView):
    """One invoice for programs."""

    content_negotiation_class = AnyAccept

    @reads(
        Doc(
            "get_invoice_xml",
            TAG,
            "Download an invoice as XML",
            None,
            XML_TEXT,
            refuses=[NotFound, EInvoiceImpossible, StateConflict],
            media=(XML,),
        )
    )
    def get(self, request: Request, invoice_id: str) -> HttpResponse:
        """Give the document."""
        found = invoice_of(self.scope_for(Verb.VIEW_BILLING), invoice_id)
        refuse_query(request)
        return HttpResponse(invoice_xml(found), content_type=XML)


class CreditNotePageView(TenantView):
    """One credit note on paper."""

    content_negotiation_class = AnyAccept

    @reads(Doc("get_credit_note_pdf", TAG, "Download a credit note as PDF", None, refuses=[NotFound], media=(PDF,)))
    def get(self, request: Request, credit_note_id: str) -> HttpResponse:
        """Give the page."""
        found = credit_note_of(self.scope_for(Verb.VIEW_BILLING), credit_note_id)
        refuse_query(request)
        return HttpResponse(note_pdf_of(found), content_type=PDF)


class CreditNoteFileView(TenantView):
    """One credit note for programs."""

    content_negotiation_class = AnyAccept

    @reads(
        Doc(
            "get_credit_note_xml",
            TAG,
            "Download a credit note as XML",
            None,
            "It is written as invoices are, and names the one that it belongs to.",
            refuses=[NotFound, EInvoiceImpossible],
            media=(XML,),
        )
    )
    def get(self, request: Request, credit_note_id: str) -> HttpResponse:
        """Give the document."""
        found = credit_note_of(self.scope_for(Verb.VIEW_BILLING), credit_note_id)
        refuse_query(request)
        return HttpResponse(note_xml(found), content_type=XML)


class UsageView(TenantView):
    """Usage."""

    @reads(list_doc("list_usage", TAG, "Sum up usage", UsageOut, UsageQuery, USAGE_TEXT, media=(CSV,)))
    def get(self, request: Request) -> Response | HttpResponse:
        """Sum up usage."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(UsageQuery, request)
        found = usage_of(scope, period_of(query), GroupBy(query["group_by"]))
        if query["format"] == "csv":
            return HttpResponse(usage_csv(found), content_type=f"{CSV}; charset=utf-8")
        return Response({"data": documents(UsageOut, found), "next_cursor": None})
