"""How customers are billed, and closing their months."""

from django import forms
from django.contrib import admin
from django.core.validators import RegexValidator
from unfold.widgets import UnfoldAdminTextareaWidget

from portal.audit.staff import columns
from portal.audit.staff.acts import Act, Values, act_on
from portal.audit.staff.forms import ActForm
from portal.audit.staff.pages import RecordAdmin
from portal.billing.models import BillingProfile
from portal.billing.models.profiles import MOST_DAYS
from portal.billing.services.closing import close_month
from portal.billing.services.profiles import FIELDS, set_profile
from portal.core import clock
from portal.core.actors import Actor
from portal.core.months import month_called, month_of, previous_month
from portal.tenancy.models import Organization

PROFILE = (
    columns.link("organization", "Organization", "organization__name"),
    columns.field("legal_name", "Legal name"),
    columns.field("tax_id", "Tax id"),
    columns.column("Tax", lambda row: f"{row.tax_rate.normalize():f} %", "tax_rate"),
    columns.field("payment_days", "Days to pay"),
    columns.field("po_number", "PO number"),
    columns.yes_or_no("is_prepaid", "Prepaid"),
    columns.yes_or_no("is_reviewed", "Looked at first"),
)


@admin.register(BillingProfile)
class BillingProfileAdmin(RecordAdmin):
    """What stands on a customer's invoices, and how they are paid."""

    list_display = PROFILE
    list_select_related = ("organization",)
    search_fields = ("organization__name", "legal_name", "tax_id")
    search_help_text = "Organization, legal name or tax id"
    ordering = ("organization__name",)
    facts = (("", (*PROFILE, columns.field("address", "Address"), columns.field("country", "Country"))),)


class ProfileForm(ActForm):
    """All of a profile."""

    legal_name = forms.CharField(max_length=160, required=False, help_text="Empty: the organization's name.")
    address = forms.CharField(max_length=600, required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))
    country = forms.CharField(
        max_length=2, required=False, validators=[RegexValidator(r"^[A-Z]{2}\Z", "Two letters, such as SE.")]
    )
    tax_id = forms.CharField(max_length=40, required=False, label="Tax id")
    tax_rate = forms.DecimalField(min_value=0, max_value=100, max_digits=5, decimal_places=2, label="Tax in percent")
    payment_days = forms.IntegerField(min_value=0, max_value=MOST_DAYS, label="Days to pay")
    po_number = forms.CharField(max_length=60, required=False, label="PO number")
    is_prepaid = forms.BooleanField(
        required=False, label="Pays ahead", help_text="What comes in ahead pays open invoices too, the oldest first."
    )
    is_reviewed = forms.BooleanField(required=False, label="Finance looks at each invoice first")


class MonthForm(ActForm):
    """Which month."""

    month = forms.RegexField(r"^\d{4}-(0[1-9]|1[0-2])\Z", help_text="Such as 2030-01.")


def _present(row: Organization) -> dict[str, object]:
    profile = BillingProfile.objects.filter(organization=row).first() or BillingProfile(organization=row)
    return {name: getattr(profile, name) for name in FIELDS}


def _set(actor: Actor, row: Organization, values: Values) -> None:
    set_profile(actor=actor, organization=row, **values)


def _close(actor: Actor, row: Organization, values: Values) -> None:
    close_month(actor=actor, organization=row, month=month_called(values["month"]))


act_on(
    Organization,
    Act(
        name="billing",
        title="Set billing",
        permission="billing.change_billingprofile",
        perform=_set,
        form=ProfileForm,
        initial=_present,
        effects=("It counts for invoices to come. Those that are written stay as they are.",),
        done="The billing of {row} is set.",
        icon="receipt_long",
    ),
    Act(
        name="close_month",
        title="Close a month",
        permission="billing.add_monthclose",
        perform=_close,
        form=MonthForm,
        initial=lambda row: {"month": f"{previous_month(month_of(clock.now())):%Y-%m}"},
        effects=(
            "The usage of the month becomes final and its invoice is written. That happens by itself, too.",
            "Its availability is measured by what is known now: samples that come later do not count.",
            "A month whose invoice is void is billed anew.",
        ),
        done="The month of {row} is closed.",
        icon="event_available",
    ),
)
