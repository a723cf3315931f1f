"""What is sold: OS images and price books."""

from datetime import timedelta

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from portal.catalog.terms import MOST_NOTICE, notice_words, written
from portal.core import ids
from portal.core.models import Identified
from portal.core.money import MINOR_UNITS
from portal.fleet.models import Region, ServerType


class OSImage(Identified):
    """A whole-disk image that a server can be imaged with."""

    ID_PREFIX = ids.Prefix.IMAGE

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)
    version = models.CharField(max_length=40)
    default_user = models.CharField(max_length=32, default="ubuntu")
    file_name = models.CharField(max_length=120, unique=True, help_text="Name in the folder of image files.")
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    is_published = models.BooleanField(default=True)

    class Meta:
        verbose_name = "OS image"
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="os_image_digest"),
            models.CheckConstraint(condition=Q(size_bytes__gt=0), name="os_image_size"),
            models.CheckConstraint(condition=Q(file_name__regex=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"), name="os_image_file"),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


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
