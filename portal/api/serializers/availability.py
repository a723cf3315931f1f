"""Asking what is free."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import InstantField, MoneyOut, Rate, SpanOut
from portal.api.queries import Query
from portal.api.serializers.choices import FabricMixin, WishMixin, choices_of
from portal.api.serializers.windows import WindowMixin
from portal.reservations.capacity import Demand
from portal.reservations.offers import Availability, Offer, OfferKind, Start
from portal.reservations.request import QuoteRequest, check_quote


class AvailabilityQuery(WishMixin, Query):
    """A search."""

    count = serializers.IntegerField(default=1, help_text="Number of servers.")


def demand_of(query: Mapping[str, Any]) -> Demand:
    """Return what the values of an AvailabilityQuery ask for. Raises InvalidInput with every wrong field."""
    wish = QuoteRequest(**query)
    period = check_quote(wish)
    return Demand(wish.server_type, wish.region, wish.count, period, wish.placement, fabric=wish.fabric)


class StartsQuery(FabricMixin, WindowMixin, Query):
    """A search for the next starts."""

    count = serializers.IntegerField(default=1, help_text="Number of servers.")
    hours = serializers.IntegerField(help_text="For how long.")


class StartOut(serializers.Serializer[Start]):
    """A period in which the servers are free, and what it costs."""

    starts_at = InstantField(source="period.start")
    ends_at = InstantField(source="period.end")
    price = MoneyOut(source="price.total")


class StartsOut(serializers.Serializer[Any]):
    """The next starts. Nothing is kept for the asker."""

    starts = StartOut(many=True, help_text="At most ten, on full hours, the earliest first.")


class OfferOut(serializers.Serializer[Offer]):
    """Something that can be reserved now, by sending these fields to `POST /reservations`."""

    kind = serializers.ChoiceField(choices=choices_of(OfferKind), help_text="In what it differs from the search.")
    server_type = serializers.CharField(source="server_type.slug")
    region = serializers.CharField(source="region.code")
    fabric = serializers.CharField(source="fabric.name", allow_null=True, default=None, help_text="Null: over several.")
    count = serializers.IntegerField()
    starts_at = InstantField(source="period.start")
    ends_at = InstantField(source="period.end")
    placement = serializers.CharField()
    price = MoneyOut(source="price.total")
    rate_per_gpu_hour = serializers.SerializerMethodField()

    @extend_schema_field(MoneyOut)
    def get_rate_per_gpu_hour(self, offer: Offer) -> Any:
        """Return the list price that the total was computed from."""
        return MoneyOut(Rate(offer.price.rate, offer.price.currency)).data


class AvailabilityOut(serializers.Serializer[Availability]):
    """Whether the search fits. Nothing is kept for the asker."""

    available = serializers.BooleanField()
    free = serializers.IntegerField(help_text="The largest count that fits in this period and placement.")
    offers = OfferOut(many=True)
    next_fit = SpanOut(allow_null=True, help_text="The next period of this length that fits; null where this one does.")
