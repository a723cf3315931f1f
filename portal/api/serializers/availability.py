"""Asking what is free."""

from rest_framework import serializers

from portal.api.fields import InstantField, MoneyOut, Rate, SpanOut
from portal.api.serializers.choices import WishMixin
from portal.reservations.offers import Availability, Offer, OfferKind


class AvailabilityQuery(WishMixin):
    """A search."""

    count = serializers.IntegerField(default=1)


class OfferOut(serializers.Serializer[Offer]):
    """Something that can be reserved now, by sending these fields to `POST /reservations`."""

    kind = serializers.ChoiceField(
        choices=[(kind.value, kind.value) for kind in OfferKind], help_text="In what it differs from the search."
    )
    server_type = serializers.CharField(source="server_type.slug")
    region = serializers.CharField(source="region.code")
    fabric = serializers.CharField(source="fabric.name", allow_null=True, default=None, help_text="Null: over several.")
    count = serializers.IntegerField()
    starts_at = InstantField(source="period.start")
    ends_at = InstantField(source="period.end")
    placement = serializers.CharField()
    price = MoneyOut(source="price.total")
    rate_per_gpu_hour = serializers.SerializerMethodField()

    def get_rate_per_gpu_hour(self, offer: Offer) -> MoneyOut:
        """Return the list price that the total was computed from."""
        return MoneyOut(Rate(offer.price.rate, offer.price.currency)).data  # type: ignore[return-value]


class AvailabilityOut(serializers.Serializer[Availability]):
    """Whether the search fits. Nothing is kept for the asker."""

    available = serializers.BooleanField()
    free = serializers.IntegerField(help_text="The largest count that fits in this period and placement.")
    offers = OfferOut(many=True)
    next_fit = SpanOut(allow_null=True, help_text="The next period of this length that fits; null where this one does.")
