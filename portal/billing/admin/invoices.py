"""Invoices, and what finance does with them."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from portal.audit.staff import columns, filters, watch
from portal.audit.staff.acts import Act, Values, act_on, in_state
from portal.audit.staff.forms import ActForm, ReasonForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.billing.models import Invoice
from portal.billing.selectors.amounts import open_amount
from portal.billing.selectors.overdue import next_reminder
from portal.billing.services.issuing import issue_invoice, use_prepaid, void_invoice
from portal.billing.services.notes import issue_credit_note
from portal.billing.services.payments import record_payment
from portal.billing.states import InvoiceState
from portal.core.actors import Actor
from portal.core.money import Money
from portal.tenancy.models import Organization

WHAT = (
    columns.field("number", "Number"),
    columns.state,
    columns.link("organization", "Organization", "organization__name"),
    columns.column("Month", lambda row: f"{row.month:%Y-%m}", "month"),
    columns.column("Total", lambda row: row.to_pay, "total"),
    columns.moment("issued_at", "Issued"),
    columns.moment("due_at", "Due"),
)


@admin.register(Invoice)
class InvoiceAdmin(RecordAdmin):
    """What a customer owes for a month. With its number it never changes; a credit note takes back what was wrong."""

    list_display = (columns.field("public_id", "Id"), *WHAT)
    list_filter = (filters.StateFilter, ("organization", AutocompleteSelectFilter))
    list_select_related = ("organization",)
    search_fields = ("number", "public_id", "organization__name")
    search_help_text = "Number, id or organization"
    date_hierarchy = "month"
    ordering = ("-pk",)
    watch = (
        watch.in_state("Drafts to look at", InvoiceState.DRAFT, "warn"),
        watch.in_state("Unpaid", InvoiceState.ISSUED),
    )
    facts = (
        (
            "",
            (
                *columns.life,
                *WHAT[:1],
                *WHAT[2:],
                columns.column("Open", open_amount),
                columns.moment("paid_at", "Paid"),
                columns.column("Next reminder", next_reminder),
                columns.column("Subtotal", lambda row: Money(row.subtotal, row.currency)),
                columns.column("Tax", lambda row: f"{Money(row.tax, row.currency)} ({row.tax_rate.normalize():f} %)"),
                columns.data("seller", "From"),
                columns.data("buyer", "To"),
                columns.code("public_id", "Id"),
            ),
        ),
    )


show_on(
    Organization,
    Panel(
        "Invoices",
        Invoice,
        lambda organization: organization.invoices.order_by("-pk"),
        (columns.me("Invoice"), *WHAT[1:2], *WHAT[3:]),
        all_of="organization__id__exact",
    ),
)


class NoForm(ActForm):
    """Nothing to be said."""


class AmountForm(ActForm):
    """How much, in the currency of the invoice."""

    amount = forms.DecimalField(max_digits=16, decimal_places=2, min_value=Decimal("0.01"))


class PaymentForm(AmountForm):
    """Money that came in."""

    reference = forms.CharField(max_length=80, help_text="The bank's; each is recorded once.")
    received_on = forms.DateField(required=False, help_text="Such as 2030-01-31. Empty: today.")


class CreditNoteForm(ReasonForm):
    """What is taken back, before tax."""

    net = forms.DecimalField(max_digits=16, decimal_places=2, min_value=Decimal("0.01"), label="Net amount")
    field_order = ("net", "reason")


def _pay(actor: Actor, row: Invoice, values: Values) -> None:
    amount = Money(values["amount"], row.currency)
    record_payment(
        actor=actor, invoice=row, amount=amount, reference=values["reference"], received_on=values["received_on"]
    )


def _use_prepaid(actor: Actor, row: Invoice, values: Values) -> None:
    use_prepaid(actor=actor, invoice=row)


def _credit(actor: Actor, row: Invoice, values: Values) -> Any:
    return issue_credit_note(actor=actor, invoice=row, net=Money(values["net"], row.currency), reason=values["reason"])


def _issue(actor: Actor, row: Invoice, values: Values) -> None:
    issue_invoice(actor=actor, invoice=row)


def _void(actor: Actor, row: Invoice, values: Values) -> None:
    void_invoice(actor=actor, invoice=row, reason=values["reason"])


act_on(
    Invoice,
    Act(
        name="issue",
        title="Issue",
        permission="billing.change_invoice",
        perform=_issue,
        form=NoForm,
        fits=in_state(InvoiceState.DRAFT),
        effects=(
            "It gets its number, is posted to the ledger, and the customer sees it.",
            "It never changes after that.",
        ),
        done="{row} is issued.",
        icon="send",
    ),
    Act(
        name="pay",
        title="Record payment",
        permission="billing.add_payment",
        perform=_pay,
        form=PaymentForm,
        initial=lambda row: {"amount": open_amount(row).amount},
        fits=in_state(InvoiceState.ISSUED),
        effects=("It is posted to the ledger. With the last of it the invoice is paid.",),
        done="The payment for {row} is recorded.",
        icon="payments",
    ),
    Act(
        name="use_prepaid",
        title="Pay from what is paid ahead",
        permission="billing.add_payment",
        perform=_use_prepaid,
        form=NoForm,
        fits=in_state(InvoiceState.ISSUED),
        effects=("What is open is paid from what the customer has paid ahead, as far as that goes.",),
        done="{row} is paid from what was paid ahead, as far as that went.",
        icon="savings",
    ),
    Act(
        name="credit_note",
        title="Write credit note",
        permission="billing.add_creditnote",
        perform=_credit,
        form=CreditNoteForm,
        fits=in_state(InvoiceState.ISSUED, InvoiceState.PAID),
        effects=(
            "The amount and the tax on it are not owed after all. What was paid of it is paid ahead then.",
            "Usage that was counted wrongly is corrected with the usage: the next invoice follows by itself.",
        ),
        done="The credit note for {row} is written.",
        icon="assignment_return",
        is_grave=True,
    ),
    Act(
        name="void",
        title="Make void",
        permission="billing.change_invoice",
        perform=_void,
        form=ReasonForm,
        fits=in_state(InvoiceState.DRAFT, InvoiceState.ISSUED),
        effects=(
            "It counts for nothing; a number that it had is never given again. The customer reads the reason.",
            "What it charged is due again: close its month once more, or it comes with the next invoice.",
        ),
        done="{row} is void.",
        icon="block",
        is_grave=True,
    ),
)
