"""Money that came in."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from portal.audit.staff import columns
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.billing.models import Invoice, Payment

PAYMENT = (
    columns.field("reference", "Reference"),
    columns.link("organization", "Organization", "organization__name"),
    columns.column("For", lambda row: columns.linked(row.invoice) or "paid ahead", "invoice"),
    columns.column("Amount", lambda row: row.value, "amount"),
    columns.field("received_on", "Received"),
    columns.field("recorded_by", "Recorded by"),
)


@admin.register(Payment)
class PaymentAdmin(RecordAdmin):
    """Money of a customer that finance saw."""

    list_display = (columns.field("public_id", "Id"), *PAYMENT)
    list_filter = (("organization", AutocompleteSelectFilter),)
    list_select_related = ("organization", "invoice")
    search_fields = ("reference", "public_id", "organization__name", "invoice__number")
    search_help_text = "Reference, id, organization or invoice"
    date_hierarchy = "received_on"
    ordering = ("-pk",)
    facts = (("", (*PAYMENT, columns.code("public_id", "Id"))),)


show_on(
    Invoice,
    Panel("Payments", Payment, lambda invoice: invoice.payments.select_related("organization", "invoice"), PAYMENT),
)
