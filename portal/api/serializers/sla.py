"""Measured availability, credits with their arithmetic, and the evidence behind them."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import InstantField, MoneyOut, Text
from portal.api.queries import PageQuery
from portal.api.serializers.choices import choices_of
from portal.sla.crediting import Reason, shown
from portal.sla.definitions import Cause, Condition, Definition, Kind
from portal.sla.models import Evidence, SlaCredit
from portal.sla.models.evidence import Source
from portal.sla.reporting import Had, LeftOut, OutageLine, ReservationReport, ServerReport
from portal.sla.states import CreditState

# Named here, because the OpenAPI description calls them by these names (settings.SPECTACULAR_SETTINGS).
SLA_CONDITIONS = choices_of(Condition)
SLA_KINDS = choices_of(Kind)
CREDIT_STATES = choices_of(CreditState)
CREDIT_REASONS = choices_of(Reason)
EVIDENCE_SOURCES = choices_of(Source)
OUTAGE_CONDITIONS = choices_of((Condition.DEGRADED, Condition.DOWN))
EXCLUSION_CAUSES = choices_of(Cause)


class SlaQuery(PageQuery):
    """Which month."""

    month = Text(default="", help_text="A calendar month in UTC such as `2030-01`; without it: the present one.")


class OutageOut(serializers.Serializer[OutageLine]):
    """A time in which a server was down or degraded."""

    since = InstantField()
    until = InstantField()
    condition = serializers.ChoiceField(choices=OUTAGE_CONDITIONS)
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=SLA_KINDS), help_text="What failed.")
    excluded = serializers.SerializerMethodField(help_text="Why it does not count; null: it counts.")
    proof = serializers.CharField(allow_blank=True, help_text="Id of the operation or maintenance that excludes it.")

    @extend_schema_field(serializers.ChoiceField(choices=EXCLUSION_CAUSES, allow_null=True))
    def get_excluded(self, row: OutageLine) -> str | None:
        """Return the cause."""
        return row.excluded or None


class ServedOut(serializers.Serializer[Had]):
    """A time in which the reservation had the server, within the month."""

    since = InstantField()
    until = InstantField()


class LeftOutOut(serializers.Serializer[LeftOut]):
    """A time that is not measured. Where two overlap the time is left out once, for the cause that comes first."""

    since = InstantField()
    until = InstantField()
    cause = serializers.ChoiceField(choices=EXCLUSION_CAUSES)
    proof = serializers.CharField(help_text="Id of the operation or maintenance.")


class SlaServerOut(serializers.Serializer[ServerReport]):
    """One server of a reservation in the month, in whole seconds."""

    server = serializers.CharField(help_text="`srv_...`")
    is_final = serializers.BooleanField(help_text="False: the month goes on, or is about to be measured.")
    definition = serializers.IntegerField(help_text="Version of what counts as down: see `/sla/definitions`.")
    measured_seconds = serializers.IntegerField(source="sums.obliged")
    down_seconds = serializers.IntegerField(source="sums.down")
    degraded_seconds = serializers.IntegerField(source="sums.degraded")
    unknown_seconds = serializers.IntegerField(source="sums.unknown", help_text="Counts as up.")
    maintenance_seconds = serializers.IntegerField(source="sums.maintenance", help_text="Not measured.")
    tenant_seconds = serializers.IntegerField(source="sums.tenant", help_text="Not measured.")
    availability = serializers.SerializerMethodField(help_text="Percent, decimal string.")
    outages = OutageOut(many=True)
    served = ServedOut(many=True)
    left_out = LeftOutOut(many=True, help_text="Of the time served, whether it was up or down.")

    def get_availability(self, row: ServerReport) -> str:
        """Return the percentage."""
        return percent(row.availability)


class CreditOut(serializers.Serializer[SlaCredit]):
    """A credit. It goes on the next invoice by itself; `arithmetic` holds all that it was worked out from."""

    id = serializers.CharField(source="public_id", help_text="`cre_...`")
    state = serializers.ChoiceField(choices=CREDIT_STATES)
    state_reason = serializers.CharField(
        allow_blank=True, help_text="Of a void one: why. Of an invoiced one: the credit."
    )
    server = serializers.CharField(source="server.public_id")
    reason = serializers.ChoiceField(choices=CREDIT_REASONS)
    amount = MoneyOut(source="money")
    percent = serializers.SerializerMethodField()
    definition = serializers.IntegerField()
    arithmetic = serializers.SerializerMethodField()

    def get_percent(self, row: SlaCredit) -> str:
        """Return what was credited of the price: of the month's, or for what is late of a day's."""
        return shown(row.percent)

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_arithmetic(self, row: SlaCredit) -> dict[str, Any]:
        """Return the numbers."""
        return dict(row.arithmetic)


class SlaOut(serializers.Serializer[ReservationReport]):
    """One reservation in the month."""

    reservation = serializers.CharField(source="reservation.public_id", help_text="`res_...`")
    name = serializers.CharField(source="reservation.name")
    month = serializers.SerializerMethodField()
    tier = serializers.SerializerMethodField(help_text="What was promised; null: nothing.")
    availability = serializers.SerializerMethodField(help_text="Of all servers together, percent.")
    is_final = serializers.BooleanField()
    servers = SlaServerOut(many=True)
    credits = CreditOut(many=True)

    def get_month(self, row: ReservationReport) -> str:
        """Return the month's name."""
        return f"{row.month:%Y-%m}"

    @extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
    def get_tier(self, row: ReservationReport) -> dict[str, Any] | None:
        """Return the promise."""
        tier = row.reservation.sla_tier
        if tier is None:
            return None
        return {
            "id": tier.public_id,
            "name": str(tier),
            "target": shown(tier.target),
            "degraded_weight": shown(tier.degraded_weight),
            "steps": [
                {"below": shown(limit), "credit_percent": shown(credit)}
                for limit, credit in zip(tier.below, tier.credits, strict=True)
            ],
        }

    def get_availability(self, row: ReservationReport) -> str:
        """Return the percentage."""
        return percent(row.availability)


class EvidenceOut(serializers.Serializer[Evidence]):
    """A run of equal samples of one kind. Of two that speak of one instant the later one in the list counts."""

    kind = serializers.ChoiceField(choices=SLA_KINDS)
    value = serializers.ChoiceField(choices=SLA_CONDITIONS)
    since = InstantField(source="seen_since")
    until = InstantField(source="seen_until")
    seen_by = serializers.ChoiceField(choices=EVIDENCE_SOURCES, source="source")
    note = serializers.CharField(allow_blank=True)
    recorded_at = InstantField()


class DefinitionOut(serializers.Serializer[Definition]):
    """A version of what counts as down. None is ever edited."""

    version = serializers.IntegerField()
    sample_stands_seconds = serializers.IntegerField(source="gap")
    settling_seconds = serializers.IntegerField(source="settling", help_text="To come up after the tenant's operation.")
    sentences = serializers.ListField(child=serializers.CharField())


class DefinitionsOut(serializers.Serializer[Any]):
    """All versions."""

    definitions = DefinitionOut(many=True)


def percent(value: Decimal) -> str:
    """Write a percentage with all the places that a measured one is kept with."""
    return shown(value)
