"""Contracts as their customer sees them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import InstantField, MoneyOut, Rate
from portal.api.queries import PageQuery
from portal.api.serializers.choices import choices_of
from portal.contracts.models import Contract, ContractLine, Document
from portal.contracts.models.clauses import Renewal
from portal.contracts.needs import totals_of
from portal.contracts.selectors import lines_shown
from portal.contracts.states import SHOWN

# Named here, because the OpenAPI description calls them by these names (settings.SPECTACULAR_SETTINGS).
CONTRACT_STATES = choices_of(SHOWN)
RENEWALS = choices_of(Renewal.values)


class ContractsQuery(PageQuery):
    """Which contracts."""

    state = serializers.ListField(
        child=serializers.ChoiceField(choices=CONTRACT_STATES), required=False, help_text="May be given several times."
    )


class ContractLineOut(serializers.Serializer[ContractLine]):
    """Servers of one type in one region for one span."""

    id = serializers.CharField(source="public_id", help_text="`ctl_...`")
    server_type = serializers.CharField(source="server_type.slug")
    region = serializers.CharField(source="region.code")
    count = serializers.IntegerField()
    starts_at = InstantField(source="span.start")
    ends_at = InstantField(source="span.end")
    unit_price = serializers.SerializerMethodField(help_text="Per GPU and hour, before the discount.")
    discount_percent = serializers.CharField(source="discount", help_text="Decimal string.")
    total = MoneyOut(source="money.total")
    sla_tier = serializers.CharField(source="sla_tier.public_id", allow_null=True, default=None)
    reservation = serializers.CharField(
        source="fulfilment.reservation.public_id",
        allow_null=True,
        default=None,
        help_text="What serves the line; null until the contract is active.",
    )

    @extend_schema_field(MoneyOut)
    def get_unit_price(self, row: ContractLine) -> dict[str, str]:
        """Return the price per GPU-hour."""
        return dict(MoneyOut(Rate(row.unit_price, row.contract.currency)).data)


class ContractClausesOut(serializers.Serializer[Contract]):
    """What is agreed besides servers and money."""

    renewal = serializers.ChoiceField(choices=RENEWALS)
    renewal_months = serializers.IntegerField()
    notice_days = serializers.IntegerField()
    early_end_percent = serializers.CharField(
        help_text="Decimal string: of the price of what is not used, owed when it ends early."
    )
    data_locations = serializers.CharField(allow_blank=True, help_text="One a line.")
    subcontractors = serializers.CharField(allow_blank=True, help_text="One a line.")
    is_critical_function = serializers.BooleanField()
    has_audit_right = serializers.BooleanField()
    incident_notice_hours = serializers.IntegerField(allow_null=True)
    has_incident_assistance = serializers.BooleanField()
    exit_days = serializers.IntegerField()


class ContractOut(serializers.Serializer[Contract]):
    """What was agreed, or is sent to be agreed."""

    id = serializers.CharField(source="public_id", help_text="`ctr_...`")
    number = serializers.CharField(help_text="Versions share it.")
    version = serializers.IntegerField()
    amends = serializers.CharField(
        source="amends.public_id", allow_null=True, default=None, help_text="The version before."
    )
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=CONTRACT_STATES)
    state_changed_at = InstantField()
    starts_at = InstantField(source="span.start")
    ends_at = InstantField(source="span.end")
    ends_early_at = InstantField(allow_null=True)
    sign_until = InstantField(source="valid_until", allow_null=True)
    payment_days = serializers.IntegerField()
    po_number = serializers.CharField(allow_blank=True)
    total = serializers.SerializerMethodField()
    minimum_spend = MoneyOut(source="minimum")
    clauses = ContractClausesOut(source="*")
    lines = serializers.SerializerMethodField()
    signed_by = serializers.SerializerMethodField()
    document_sha256 = serializers.SerializerMethodField(help_text="Of the PDF that is to be, or was, signed.")
    project = serializers.CharField(source="project.public_id")

    @extend_schema_field(MoneyOut)
    def get_total(self, row: Contract) -> dict[str, str]:
        """Return what all lines come to."""
        return dict(MoneyOut(totals_of(row, lines_shown(row)).total).data)

    @extend_schema_field(ContractLineOut(many=True))
    def get_lines(self, row: Contract) -> list[dict[str, Any]]:
        """Return the lines in order."""
        return [dict(ContractLineOut(line).data) for line in lines_shown(row)]

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_signed_by(self, row: Contract) -> str | None:
        """Return name and title of who signed; null before."""
        return str(row.signature) if hasattr(row, "signature") else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_document_sha256(self, row: Contract) -> str | None:
        """Return the digest."""
        found = row.documents.filter(kind=Document.Kind.SENT).values_list("sha256", flat=True).first()
        return str(found) if found else None
