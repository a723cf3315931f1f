"""Price books: what is sold where at which price, and what calling off costs."""

from datetime import timedelta

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from portal.catalog.terms import MOST_NOTICE, notice_words, written
from portal.core.money import MINOR_UNITS
from portal.fleet.models import Region, ServerType


class PriceBook(models.Model):
    """List prices of one currency for a span of time. Books of one currency never overlap."""

    name = models.CharField(max_length=80)
    currency = models.CharField(max_length=3)
    valid = DateTimeRangeField()

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="price_book_no_overlap",
                expressions=[("currency", RangeOperators.EQUAL), ("valid", RangeOperators.OVERLAPS)],
            ),
            models.CheckConstraint(condition=Q(valid__startswith__isnull=False), name="price_book_begins"),
            models.CheckConstraint(
                condition=Q(valid__lower_inc=True, valid__upper_inc=False), name="price_book_half_open"
            ),
            models.CheckConstraint(condition=Q(currency__in=sorted(MINOR_UNITS)), name="price_book_currency_known"),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class Price(models.Model):
    """What one GPU of a server type costs for one hour in a region."""

    book = models.ForeignKey(PriceBook, on_delete=models.CASCADE, related_name="prices")
    server_type = models.ForeignKey(ServerType, on_delete=models.PROTECT, related_name="prices")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="prices")
    per_gpu_hour = models.DecimalField(max_digits=12, decimal_places=6)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["book", "server_type", "region"], name="price_once"),
            models.CheckConstraint(condition=Q(per_gpu_hour__gte=0), name="price_not_negative"),
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
