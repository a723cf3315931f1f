"""Quotes: what is asked for, how one looks, what accepting one takes."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import DRY_RUN, Flag, Input, InstantField, MoneyOut, Rate, Whole
from portal.api.queries import PageQuery
from portal.api.serializers.checks import ChecksOut
from portal.api.serializers.choices import QUOTE_STATES, WishMixin
from portal.api.serializers.orders import ParticularsMixin
from portal.api.serializers.prices import PriceLineOut, TermsOut, terms_document
from portal.reservations.checks import checks_of_quote
from portal.reservations.models import Placement, Quote
from portal.reservations.request import Particulars, QuoteRequest
from portal.tenancy.scope import Scope


class QuotesQuery(PageQuery):
    """Which quotes."""

    state = serializers.ListField(
        child=serializers.ChoiceField(choices=QUOTE_STATES), required=False, help_text="May be given several times."
    )


class QuoteIn(WishMixin, Input[QuoteRequest]):
    """What to quote, and whether to hold it."""

    count = Whole(help_text="Number of servers.")
    hold = Flag(default=False, help_text="True: book the servers until the quote expires.")

    def wish(self) -> tuple[QuoteRequest, bool]:
        """Return the request and whether to hold it. Only for valid input."""
        fields = dict(self.validated_data)
        hold: bool = fields.pop("hold")
        return QuoteRequest(**fields), hold


class AcceptIn(ParticularsMixin, Input[Particulars]):
    """What the reservation is to be called, and what its servers are prepared with."""

    def particulars(self) -> Particulars:
        """Return them. Only for valid input."""
        return Particulars(**self.validated_data)


class QuoteOut(serializers.Serializer[Quote]):
    """A price that is kept until `expires_at`, and with `hold` the servers too."""

    id = serializers.CharField(source="public_id", help_text="`quo_...`")
    state = serializers.ChoiceField(choices=QUOTE_STATES)
    state_reason = serializers.CharField(allow_blank=True)
    state_changed_at = InstantField()
    hold = serializers.BooleanField(source="is_hold", help_text="Whether the servers are booked until `expires_at`.")
    expires_at = InstantField()
    server_type = serializers.CharField(source="server_type.slug")
    region = serializers.CharField(source="region.code")
    fabric = serializers.CharField(source="fabric.name", allow_null=True, default=None, help_text="Null: any.")
    count = serializers.IntegerField()
    gpu_count = serializers.IntegerField(help_text="GPUs in all servers together.")
    starts_at = InstantField(source="span.start")
    ends_at = InstantField(source="span.end")
    placement = serializers.ChoiceField(choices=Placement.choices)
    price = MoneyOut(source="total")
    rate_per_gpu_hour = serializers.SerializerMethodField()
    price_lines = PriceLineOut(many=True, help_text="They add up to `price`.")
    cancellation = serializers.SerializerMethodField()
    checks = serializers.SerializerMethodField(
        help_text="What accepting would meet now. Null in lists, and where the quote can no longer be accepted."
    )
    reservation = serializers.CharField(
        source="reservation.public_id",
        allow_null=True,
        default=None,
        help_text="What holds the servers, and what became of it; null before.",
    )
    waitlist_entry = serializers.CharField(
        source="waitlist_entry.public_id", allow_null=True, default=None, help_text="What this is an offer for."
    )
    project = serializers.CharField(source="project.public_id")
    requested_by = serializers.CharField()
    created_at = InstantField()

    @extend_schema_field(MoneyOut)
    def get_rate_per_gpu_hour(self, row: Quote) -> Any:
        """Return the list price that the total was computed from."""
        return MoneyOut(Rate(row.rate_per_gpu_hour, row.currency)).data

    @extend_schema_field(TermsOut)
    def get_cancellation(self, row: Quote) -> Any:
        """Return the terms that the reservation would have."""
        return terms_document(row.cancellation_terms, row.span.start, row.created_at)

    @extend_schema_field(ChecksOut(allow_null=True))
    def get_checks(self, row: Quote) -> Any:
        """Return the three checks where the quote is shown by itself."""
        scope: Scope | None = self.context.get("scope")
        found = checks_of_quote(scope, row) if scope else None
        return ChecksOut(found).data if found else None


class WrittenQuoteOut(QuoteOut):
    """A quote after a write, or as it would be after it."""

    dry_run = DRY_RUN


def quote_documents(rows: Sequence[Quote]) -> list[dict[str, Any]]:
    """Return quotes as lists show them, without checks."""
    return [dict(QuoteOut(row).data) for row in rows]


def quote_document(scope: Scope, row: Quote) -> dict[str, Any]:
    """Return one quote with its checks."""
    return dict(QuoteOut(row, context={"scope": scope}).data)
