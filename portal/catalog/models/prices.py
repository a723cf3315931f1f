"""Price books: what is sold where for how long at which price, and what calling off costs."""

from datetime import timedelta

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from portal.catalog.states import PRICE_BOOK, BookState
from portal.catalog.terms import MOST_NOTICE, notice_words, written
from portal.core import ids
from portal.core.models import Identified, Stateful, known_state
from portal.core.money import MINOR_UNITS
from portal.fleet.models import Region, ServerType

MOST_MONTHS = 120
"""The longest term that a price may be for."""


class PriceBook(Identified, Stateful):
    """List prices of one currency for a span of time. Published books of one currency never overlap.

    Once published, neither it nor what is in it changes: the database refuses it (``migrations/sql/frozen.sql``). It
    may only end earlier, ahead of now. Other prices are another version: a copy.
    """

    ID_PREFIX = ids.Prefix.PRICE_BOOK
    STATES = PRICE_BOOK

    name = models.CharField(max_length=80)
    currency = models.CharField(max_length=3)
    version = models.PositiveIntegerField(help_text="Counts the books of its currency.")
    copied_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="copies")
    valid = DateTimeRangeField()

    class Meta:
        constraints = [
            known_state(PRICE_BOOK, "price_book_state_known"),
            models.UniqueConstraint(fields=["currency", "version"], name="price_book_version_once"),
            ExclusionConstraint(
                name="price_book_no_overlap",
                expressions=[("currency", RangeOperators.EQUAL), ("valid", RangeOperators.OVERLAPS)],
                condition=Q(state=BookState.PUBLISHED),
            ),
            models.CheckConstraint(condition=Q(valid__startswith__isnull=False), name="price_book_begins"),
            models.CheckConstraint(
                condition=Q(valid__lower_inc=True, valid__upper_inc=False), name="price_book_half_open"
            ),
            models.CheckConstraint(condition=Q(currency__in=sorted(MINOR_UNITS)), name="price_book_currency_known"),
        ]

    def __str__(self) -> str:
        """Return name and version."""
        return f"{self.name} v{self.version}"


class Commitment(models.TextChoices):
    """What a customer binds itself to beside the term."""

    PAY_AS_YOU_GO = "pay_as_you_go", "pay as you go"
    RESERVED = "reserved", "reserved, with minimum spend"


class Price(models.Model):
    """What one GPU of a server type costs for one hour in a region, for whom takes it for a term."""

    book = models.ForeignKey(PriceBook, on_delete=models.CASCADE, related_name="prices")
    server_type = models.ForeignKey(ServerType, on_delete=models.PROTECT, related_name="prices")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="prices")
    months = models.PositiveIntegerField(default=0, help_text="The term; 0 is on demand.")
    commitment = models.CharField(max_length=16, choices=Commitment.choices, default=Commitment.PAY_AS_YOU_GO)
    per_gpu_hour = models.DecimalField(max_digits=12, decimal_places=6, help_text="List price.")
    floor_per_gpu_hour = models.DecimalField(
        max_digits=12, decimal_places=6, help_text="Below this nobody sells without approval; customers never see it."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["book", "server_type", "region", "months", "commitment"], name="price_once"
            ),
            models.CheckConstraint(condition=Q(per_gpu_hour__gte=0), name="price_not_negative"),
            # PostgreSQL puts NaN above every number.
            models.CheckConstraint(condition=Q(per_gpu_hour__lt=1_000_000), name="price_is_a_number"),
            models.CheckConstraint(
                condition=Q(floor_per_gpu_hour__gte=0, floor_per_gpu_hour__lte=F("per_gpu_hour")),
                name="price_floor_not_above_list",
            ),
            models.CheckConstraint(condition=Q(months__lte=MOST_MONTHS), name="price_term"),
            models.CheckConstraint(
                condition=Q(commitment=Commitment.PAY_AS_YOU_GO)
                | Q(commitment__in=sorted(Commitment.values), months__gt=0),
                name="price_commitment",
            ),
        ]

    def __str__(self) -> str:
        """Return what is sold where."""
        return f"{self.server_type} in {self.region}"


class CancellationTerm(models.Model):
    """With at least ``notice`` before the start of what is called off, ``percent`` of its price is owed."""

    book = models.ForeignKey(PriceBook, on_delete=models.CASCADE, related_name="cancellation_terms")
    notice = models.DurationField()
    percent = models.DecimalField(max_digits=5, decimal_places=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["book", "notice"], name="cancellation_term_once"),
            models.CheckConstraint(
                condition=Q(notice__gte=timedelta(0), notice__lte=MOST_NOTICE), name="cancellation_term_notice"
            ),
            models.CheckConstraint(
                condition=Q(
                    notice=Func(Value("hour"), F("notice"), function="DATE_TRUNC", output_field=models.DurationField())
                ),
                name="cancellation_term_whole_hours",
            ),
            models.CheckConstraint(condition=Q(percent__gte=0, percent__lte=100), name="cancellation_term_percent"),
        ]

    def __str__(self) -> str:
        """Return the percentage and the notice."""
        return f"{written(self.percent)} % with {notice_words(self.notice)}"
