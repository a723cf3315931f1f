"""Money that came in."""

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from portal.audit.staff import columns
from portal.audit.staff.acts import Act, Values, act_on
from portal.audit.staff.forms import ReasonForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.billing.models import Invoice, Payment
from portal.billing.services.undoing import LONGEST_REASON, undo_payment
from portal.core.actors import Actor

PAYMENT = (
    columns.field("reference", "Reference"),
    columns.link("organization", "Organization", "organization__name"),
    columns.column("For", lambda row: columns.linked(row.invoice) or "paid ahead", "invoice"),
    columns.column("Amount", lambda row: row.value, "amount"),
    columns.field("received_on", "Received"),
    columns.column("Undoes", lambda row: columns.linked(row.undoes), "undoes"),
    columns.field("reason", "Reason"),
    columns.field("recorded_by", "Recorded by"),
)


class UndoForm(ReasonForm):
    """Why the money did not come in."""

    reason = forms.CharField(max_length=LONGEST_REASON, help_text="It stands with the payment.")


@admin.register(Payment)
class PaymentAdmin(RecordAdmin):
    """Money of a customer that finance saw."""

    list_display = (columns.field("public_id", "Id"), *PAYMENT)
    list_filter = (("organization", AutocompleteSelectFilter),)
    list_select_related = ("organization", "invoice", "undoes")
    search_fields = ("reference", "public_id", "organization__name", "invoice__number")
    search_help_text = "Reference, id, organization or invoice"
    date_hierarchy = "received_on"
    ordering = ("-pk",)
    facts = (("", (*PAYMENT, columns.code("public_id", "Id"))),)


def _undo(actor: Actor, row: Payment, values: Values) -> Payment:
    return undo_payment(actor=actor, payment=row, reason=values["reason"])


act_on(
    Payment,
    Act(
        name="undo",
        title="Undo",
        permission="billing.add_payment",
        perform=_undo,
        form=UndoForm,
        fits=lambda row: row.amount > 0 and not hasattr(row, "undone_by"),
        effects=(
            "It stays; a row of its own takes it back, and is posted to the ledger. What it paid is open again.",
            "What is recorded anew needs another reference, such as the bank's with a letter behind it.",
        ),
        done="The payment {row} is undone.",
        icon="undo",
        is_grave=True,
    ),
)
show_on(
    Invoice,
    Panel(
        "Payments",
        Payment,
        lambda invoice: invoice.payments.select_related("organization", "invoice", "undoes"),
        PAYMENT,
    ),
)
