"""Lines of invoices, and credit notes."""

from django.contrib import admin

from portal.audit.staff import columns
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.billing.models import CreditNote, Invoice, InvoiceLine
from portal.core.money import Money

LINE = (
    columns.field("position", "No."),
    columns.field("label", "For"),
    columns.column("Kind", lambda row: row.get_kind_display(), "kind"),
    columns.link("reservation", "Reservation", "reservation__name"),
    columns.link("contract", "Contract", "contract__serial"),
    columns.period("period", "Period"),
    columns.field("gpu_hours", "GPU-hours"),
    columns.field("rate", "Rate"),
    columns.column("Amount", lambda row: row.value, "amount"),
)
NOTE = (
    columns.field("number", "Number"),
    columns.link("invoice", "Invoice", "invoice__number"),
    columns.column("Net", lambda row: Money(row.net, row.invoice.currency), "net"),
    columns.column("Tax", lambda row: Money(row.tax, row.invoice.currency), "tax"),
    columns.column("Total", lambda row: row.value, "total"),
    columns.field("reason", "Reason"),
    columns.field("issued_by", "By"),
    columns.moment("issued_at", "Issued"),
)


@admin.register(CreditNote)
class CreditNoteAdmin(RecordAdmin):
    """What of an invoice is not owed after all."""

    list_display = (columns.field("public_id", "Id"), *NOTE)
    list_select_related = ("invoice",)
    search_fields = ("number", "public_id", "invoice__number", "invoice__organization__name")
    search_help_text = "Number, id, invoice or organization"
    ordering = ("-pk",)
    facts = (("", (*NOTE, columns.code("public_id", "Id"))),)


show_on(
    Invoice,
    Panel(
        "Lines", InvoiceLine, lambda invoice: invoice.lines.select_related("invoice", "reservation", "contract"), LINE
    ),
    Panel("Credit notes", CreditNote, lambda invoice: invoice.credit_notes.select_related("invoice"), NOTE),
)
