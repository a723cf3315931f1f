"""The public list of prices."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import InstantField, MoneyOut, Rate, Text
from portal.api.queries import Query
from portal.api.serializers.choices import choices_of
from portal.api.serializers.prices import TermOut
from portal.catalog.models import Commitment, Fee, FeeBasis, Price, SlaTier, SupportHours, SupportTier
from portal.catalog.price_list import HOURS_PER_MONTH, PriceList, Sold, per_server_month
from portal.catalog.terms import written
from portal.core.money import Money

COMMITMENTS = choices_of(Commitment.values)
FEE_BASES = choices_of(FeeBasis.values)
SUPPORT_HOURS = choices_of(SupportHours.values)


class PriceListQuery(Query):
    """Which list."""

    currency = Text(default="", help_text="ISO 4217 code, such as `EUR`. Without it: the first that is sold in.")


class ListPriceOut(serializers.Serializer[Price]):
    """What one GPU of the type costs for one hour in a region, for a term."""

    region = serializers.CharField(source="region.code")
    months = serializers.IntegerField(help_text="The term; 0 is on demand.")
    commitment = serializers.ChoiceField(choices=COMMITMENTS)
    per_gpu_hour = serializers.SerializerMethodField()
    per_server_month = serializers.SerializerMethodField(help_text=f"A whole server for {HOURS_PER_MONTH} hours.")

    @extend_schema_field(MoneyOut)
    def get_per_gpu_hour(self, price: Price) -> Any:
        """Return the rate."""
        return MoneyOut(Rate(price.per_gpu_hour, price.book.currency)).data

    @extend_schema_field(MoneyOut)
    def get_per_server_month(self, price: Price) -> Any:
        """Return the rate of a whole server."""
        return MoneyOut(per_server_month(price, price.server_type)).data


class SoldTypeOut(serializers.Serializer[Sold]):
    """A server type with its prices."""

    id = serializers.CharField(source="server_type.slug")
    name = serializers.CharField(source="server_type.name")
    gpu_model = serializers.CharField(source="server_type.gpu_model")
    gpu_count = serializers.IntegerField(source="server_type.gpu_count")
    gpu_memory_gb = serializers.IntegerField(source="server_type.gpu_memory_gb", help_text="Per GPU.")
    cpu = serializers.CharField(source="server_type.cpu")
    memory_gb = serializers.IntegerField(source="server_type.memory_gb")
    storage = serializers.CharField(source="server_type.storage")
    interconnect = serializers.CharField(source="server_type.interconnect")
    prices = ListPriceOut(many=True)


class FeeOut(serializers.Serializer[Fee]):
    """A one-off fee."""

    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    per = serializers.ChoiceField(choices=FEE_BASES, help_text="Owed once, for each contract or for each server.")
    amount = serializers.SerializerMethodField()

    @extend_schema_field(MoneyOut)
    def get_amount(self, fee: Fee) -> Any:
        """Return the amount."""
        return MoneyOut(Money(fee.amount, fee.book.currency)).data


class CreditStepOut(serializers.Serializer[Any]):
    """Below this availability of a server-month, this part of its price is credited."""

    below = serializers.CharField(help_text="Percent, as a decimal string.")
    credit = serializers.CharField(help_text="Percent, as a decimal string.")


class SlaTierOut(serializers.Serializer[SlaTier]):
    """A service level: what is promised, and what is credited by itself when it is missed."""

    id = serializers.CharField(source="public_id")
    slug = serializers.CharField()
    version = serializers.IntegerField()
    name = serializers.CharField()
    is_default = serializers.BooleanField(help_text="Of what is reserved without a contract.")
    target = serializers.SerializerMethodField(help_text="Availability of a server-month, percent.")
    credits = serializers.SerializerMethodField()
    handover_minutes = serializers.IntegerField()
    replacement_minutes = serializers.IntegerField()
    maintenance_notice_hours = serializers.IntegerField()
    maintenance_minutes_per_quarter = serializers.IntegerField()
    may_defer_days = serializers.IntegerField()

    def get_target(self, tier: SlaTier) -> str:
        """Return the target."""
        return written(tier.target)

    @extend_schema_field(CreditStepOut(many=True))
    def get_credits(self, tier: SlaTier) -> Any:
        """Return the steps, highest availability first."""
        return [
            {"below": written(below), "credit": written(credit)}
            for below, credit in zip(tier.below, tier.credits, strict=True)
        ]


class SupportTierOut(serializers.Serializer[SupportTier]):
    """A tier of support."""

    id = serializers.CharField(source="public_id")
    slug = serializers.CharField()
    version = serializers.IntegerField()
    name = serializers.CharField()
    summary = serializers.CharField()
    is_default = serializers.BooleanField()
    hours = serializers.ChoiceField(choices=SUPPORT_HOURS)
    urgent_minutes = serializers.IntegerField(help_text="Until the first answer where a server is down.")
    normal_minutes = serializers.IntegerField()
    percent_of_spend = serializers.SerializerMethodField(help_text="Of a month's charges; 0 is included.")

    def get_percent_of_spend(self, tier: SupportTier) -> str:
        """Return the percentage."""
        return written(tier.percent_of_spend)


class PriceListOut(serializers.Serializer[PriceList]):
    """The list prices that hold now, excluding tax."""

    book = serializers.CharField(source="book.public_id", help_text="Id of the price book.")
    version = serializers.IntegerField(source="book.version")
    currency = serializers.CharField()
    currencies = serializers.ListField(child=serializers.CharField(), help_text="In which there is a list.")
    valid_from = InstantField(source="book.valid.lower")
    valid_until = InstantField(source="book.valid.upper", allow_null=True)
    server_types = SoldTypeOut(source="sold", many=True)
    fees = FeeOut(many=True)
    cancellation_terms = serializers.SerializerMethodField(help_text="Longest notice first; with less, all is owed.")
    sla_tiers = SlaTierOut(many=True)
    support_tiers = SupportTierOut(many=True)

    @extend_schema_field(TermOut(many=True))
    def get_cancellation_terms(self, prices: PriceList) -> Any:
        """Return the steps."""
        return prices.terms.as_json()
