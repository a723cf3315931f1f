"""Credits that were given."""

from decimal import Decimal

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from portal.approvals.admin.shown import show_approvals_on
from portal.approvals.models import TEXT_LENGTH, Approval
from portal.audit.staff import columns
from portal.audit.staff.acts import Act, Values, act_on
from portal.audit.staff.forms import ActForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.billing.intents import ask_for_credit
from portal.billing.models import CreditGrant
from portal.billing.services.payments import record_prepayment
from portal.billing.services.undoing import record_refund
from portal.core.actors import Actor
from portal.core.money import Money
from portal.tenancy.models import Organization

GRANT = (
    columns.field("label", "For"),
    columns.column("Amount", lambda row: row.value, "amount"),
    columns.column("Month", lambda row: f"{row.month:%Y-%m}", "month"),
    columns.field("reference", "Reference"),
    columns.field("granted_by", "By"),
    columns.moment("created_at", "Granted"),
)


@admin.register(CreditGrant)
class CreditGrantAdmin(RecordAdmin):
    """What a customer is given; its next invoices take it off by themselves."""

    list_display = (
        columns.field("public_id", "Id"),
        columns.link("organization", "Organization", "organization__name"),
        *GRANT,
    )
    list_filter = (("organization", AutocompleteSelectFilter),)
    list_select_related = ("organization",)
    search_fields = ("public_id", "reference", "label", "organization__name")
    search_help_text = "Id, reference, words or organization"
    ordering = ("-pk",)
    facts = (("", (columns.link("organization", "Organization"), *GRANT, columns.code("public_id", "Id"))),)


show_on(
    Organization,
    Panel(
        "Credits",
        CreditGrant,
        lambda organization: organization.credit_grants.order_by("-pk"),
        (columns.me("Credit"), *GRANT),
        all_of="organization__id__exact",
    ),
)


show_approvals_on(Organization)


class MoneyForm(ActForm):
    """How much, in the organization's currency."""

    amount = forms.DecimalField(max_digits=16, decimal_places=2, min_value=Decimal("0.01"))


class CreditForm(MoneyForm):
    """What is to be given, for what, and why."""

    label = forms.CharField(max_length=200, label="For", help_text="The customer reads it on the invoice.")
    reference = forms.CharField(max_length=80, help_text="Such as a ticket; credit for one is granted once.")
    reason = forms.CharField(
        max_length=TEXT_LENGTH,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Who decides reads it; the customer does not.",
    )


class AheadForm(MoneyForm):
    """Money that came in ahead, or went back."""

    reference = forms.CharField(max_length=80, help_text="The bank's; each is recorded once.")


def _ask(actor: Actor, row: Organization, values: Values) -> Approval:
    amount = Money(values["amount"], row.currency)
    said = {name: values[name] for name in ("label", "reference", "reason")}
    return ask_for_credit(actor=actor, organization=row, amount=amount, **said)


def _ahead(actor: Actor, row: Organization, values: Values) -> None:
    amount = Money(values["amount"], row.currency)
    record_prepayment(actor=actor, organization=row, amount=amount, reference=values["reference"])


def _back(actor: Actor, row: Organization, values: Values) -> None:
    amount = Money(values["amount"], row.currency)
    record_refund(actor=actor, organization=row, amount=amount, reference=values["reference"])


act_on(
    Organization,
    Act(
        name="ask_credit",
        title="Ask for credit",
        permission="billing.ask_credit",
        perform=_ask,
        form=CreditForm,
        effects=(
            "Somebody else of finance decides. Approved, it is granted at once.",
            "Then it is posted to the ledger, and the next invoices take it off until it is used up.",
        ),
        done="The credit for {row} waits for a decision.",
        icon="redeem",
    ),
    Act(
        name="paid_ahead",
        title="Record money paid ahead",
        permission="billing.add_payment",
        perform=_ahead,
        form=AheadForm,
        effects=("It is posted to the ledger, and the next invoices are paid from it.",),
        done="The payment is recorded.",
        icon="savings",
    ),
    Act(
        name="paid_back",
        title="Record money paid back",
        permission="billing.add_payment",
        perform=_back,
        form=AheadForm,
        effects=("It is taken off what was paid ahead, and posted to the ledger. It moves no money by itself.",),
        done="The money that went back is recorded.",
        icon="currency_exchange",
    ),
)
