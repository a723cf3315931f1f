"""Invoices and usage."""

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import DayField, InstantField, MoneyOut, Rate
from portal.api.queries import PageQuery, Query
from portal.api.serializers.choices import choices_of
from portal.billing.models import CreditNote, Invoice, InvoiceLine, LineKind
from portal.billing.selectors.amounts import open_amount
from portal.billing.selectors.usage import GroupBy, Usage
from portal.billing.states import InvoiceState
from portal.billing.tables import hours
from portal.contracts.models import Contract
from portal.core.errors import InvalidInput
from portal.core.money import Money
from portal.core.periods import Period

# Named here, because the OpenAPI description calls them by these names (settings.SPECTACULAR_SETTINGS).
INVOICE_STATES = [(state.value, state.value) for state in InvoiceState if state != InvoiceState.DRAFT]
LINE_KINDS = choices_of(LineKind)
GROUPS = choices_of(GroupBy)
FORMATS = [("json", "json"), ("csv", "csv")]


class InvoicesQuery(PageQuery):
    """Which invoices."""

    state = serializers.ListField(
        child=serializers.ChoiceField(choices=INVOICE_STATES), required=False, help_text="May be given several times."
    )


class LineContractOut(serializers.Serializer[Contract]):
    """The contract under which a line is charged."""

    id = serializers.CharField(source="public_id", help_text="`ctr_...`")
    number = serializers.CharField(help_text="All versions of a contract share it.")
    po_number = serializers.CharField(help_text="Of your order; empty where none was named.")


class InvoiceLineOut(serializers.Serializer[InvoiceLine]):
    """One line of an invoice. Credits and some corrections are below nothing."""

    kind = serializers.ChoiceField(choices=LINE_KINDS)
    label = serializers.CharField()  # type: ignore[assignment]
    project = serializers.CharField(source="project.public_id", allow_null=True, default=None)
    reservation = serializers.CharField(source="reservation.public_id", allow_null=True, default=None)
    contract = LineContractOut(allow_null=True, help_text="Null for what no contract is about.")
    starts_at = InstantField(source="period.lower", allow_null=True, default=None)
    ends_at = InstantField(source="period.upper", allow_null=True, default=None)
    gpu_hours = serializers.CharField(allow_null=True, help_text="Decimal string.")
    rate = serializers.SerializerMethodField(help_text="For a GPU and an hour.")
    amount = serializers.SerializerMethodField(help_text="Before tax.")

    @extend_schema_field(MoneyOut(allow_null=True))
    def get_rate(self, row: InvoiceLine) -> dict[str, Any] | None:
        """Return the rate."""
        return None if row.rate is None else dict(MoneyOut(Rate(row.rate, row.invoice.currency)).data)

    @extend_schema_field(MoneyOut)
    def get_amount(self, row: InvoiceLine) -> dict[str, str]:
        """Return the amount."""
        return row.value.as_json()


class CreditNoteOut(serializers.Serializer[CreditNote]):
    """What of an invoice is not owed after all."""

    id = serializers.CharField(source="public_id", help_text="`crn_...`")
    number = serializers.CharField()
    net = serializers.CharField(help_text="Decimal string.")
    tax = serializers.CharField(help_text="Decimal string.")
    total = MoneyOut(source="value")
    reason = serializers.CharField()
    issued_at = InstantField()


class InvoiceOut(serializers.Serializer[Invoice]):
    """What the organization owes for a calendar month (UTC) in one currency. It never changes, but for its state."""

    id = serializers.CharField(source="public_id", help_text="`inv_...`")
    number = serializers.CharField()
    state = serializers.ChoiceField(choices=INVOICE_STATES)
    month = serializers.SerializerMethodField(help_text="Such as `2030-01`.")
    subtotal = serializers.SerializerMethodField()
    tax_percent = serializers.CharField(source="tax_rate", help_text="Decimal string.")
    tax = serializers.SerializerMethodField()
    total = MoneyOut(source="to_pay", help_text="With tax.")
    issued_at = InstantField()
    due_at = InstantField()
    paid_at = InstantField(allow_null=True)

    def get_month(self, row: Invoice) -> str:
        """Return the month."""
        return f"{row.month:%Y-%m}"

    @extend_schema_field(MoneyOut)
    def get_subtotal(self, row: Invoice) -> dict[str, str]:
        """Return the sum of the lines."""
        return Money(row.subtotal, row.currency).as_json()

    @extend_schema_field(MoneyOut)
    def get_tax(self, row: Invoice) -> dict[str, str]:
        """Return the tax."""
        return Money(row.tax, row.currency).as_json()


class WholeInvoiceOut(InvoiceOut):
    """An invoice with its lines and credit notes, and what of it is not paid yet."""

    state_reason = serializers.CharField(allow_blank=True, help_text="Of a void one: why.")
    open = serializers.SerializerMethodField(help_text="With tax; nothing for what is paid or void.")
    lines = InvoiceLineOut(many=True)
    credit_notes = CreditNoteOut(many=True)

    @extend_schema_field(MoneyOut)
    def get_open(self, row: Invoice) -> dict[str, str]:
        """Return what is open."""
        return open_amount(row).as_json()


class UsageQuery(Query):
    """Which usage, and by what."""

    group_by = serializers.ChoiceField(choices=GROUPS, default=GroupBy.DAY.value)
    format = serializers.ChoiceField(choices=FORMATS, default="json")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields with the one whose name is a word of Python."""
        period = {
            "from": DayField(help_text="A date, or an instant."),
            "to": DayField(help_text="The end, which does not belong to it: at most 366 days later."),
        }
        return {**period, **super().get_fields()}


def period_of(query: dict[str, Any]) -> Period:
    """Return the period that is asked for. Raises InvalidInput."""
    if query["to"] <= query["from"]:
        raise InvalidInput.of("to", "not_after_start", "Choose an end after `from`.")
    return Period(query["from"], query["to"])


class UsageOut(serializers.Serializer[Usage]):
    """What one group used, up to now. A server counts as powered on unless it was switched off through us."""

    key = serializers.CharField(help_text="The day, or the id of the project, reservation or server.")
    label = serializers.CharField()  # type: ignore[assignment]
    gpu_hours = serializers.SerializerMethodField(help_text="Decimal string.")
    server_seconds_reserved = serializers.SerializerMethodField(help_text="For how long servers were held.")
    server_seconds_powered_on = serializers.SerializerMethodField(help_text="For how long of that they were on.")

    def get_gpu_hours(self, row: Usage) -> str:
        """Return GPU-hours."""
        return str(hours(row.gpu_time))

    def get_server_seconds_reserved(self, row: Usage) -> int:
        """Return whole seconds."""
        return row.reserved // timedelta(seconds=1)

    def get_server_seconds_powered_on(self, row: Usage) -> int:
        """Return whole seconds."""
        return row.powered // timedelta(seconds=1)
