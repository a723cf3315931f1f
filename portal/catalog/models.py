"""What is sold: OS images and price books."""

from datetime import timedelta

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from portal.catalog.states import IMAGE_IMPORT, ImportState
from portal.catalog.terms import MOST_NOTICE, notice_words, written
from portal.core import ids
from portal.core.models import Identified, Stateful, known_state
from portal.core.money import MINOR_UNITS
from portal.fleet.models import Region, ServerType
from portal.tenancy.models import Project


class Encoding(models.TextChoices):
    """How an image's file holds what is to be on the disk."""

    NONE = "none"
    ZSTD = "zstd"


FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""What files of images are called: no path leads out of their folder."""


class OSImage(Identified):
    """A whole-disk image that a server can be imaged with."""

    ID_PREFIX = ids.Prefix.IMAGE

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)
    version = models.CharField(max_length=40)
    default_user = models.CharField(max_length=32, default="ubuntu")
    file_name = models.CharField(max_length=120, unique=True, help_text="Name in the folder of image files.")
    size_bytes = models.BigIntegerField(help_text="Of the file.")
    sha256 = models.CharField(max_length=64, help_text="Of the file.")
    encoding = models.CharField(max_length=8, choices=Encoding.choices, default=Encoding.NONE)
    disk_bytes = models.BigIntegerField(help_text="Of what is on the disk in the end.")
    disk_sha256 = models.CharField(max_length=64, help_text="Of what is on the disk in the end.")
    description = models.TextField(blank=True, help_text="What was signed: the builder's JSON as it was.")
    signature = models.CharField(max_length=128, blank=True, help_text="Ed25519, in hexadecimal.")
    signed_by = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the public key; empty: not signed.")
    is_published = models.BooleanField(default=True)
    project = models.ForeignKey(
        Project,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="images",
        help_text="Whose own it is; none for those that everybody may choose.",
    )

    class Meta:
        verbose_name = "OS image"
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="os_image_digest"),
            models.CheckConstraint(condition=Q(disk_sha256__regex=r"^[0-9a-f]{64}$"), name="os_image_disk_digest"),
            models.CheckConstraint(condition=Q(size_bytes__gt=0, disk_bytes__gt=0), name="os_image_size"),
            models.CheckConstraint(condition=Q(encoding__in=sorted(Encoding)), name="os_image_encoding"),
            models.CheckConstraint(
                condition=~Q(encoding=Encoding.NONE) | Q(disk_bytes=F("size_bytes"), disk_sha256=F("sha256")),
                name="os_image_plain_is_the_disk",
            ),
            models.CheckConstraint(condition=Q(file_name__regex=FILE_NAME), name="os_image_file"),
            models.CheckConstraint(
                condition=Q(description="", signature="", signed_by="")
                | ~Q(description="") & Q(signature__regex=r"^[0-9a-f]{128}$", signed_by__regex=r"^[0-9a-f]{64}$"),
                name="os_image_signed_whole",
            ),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class ImageImport(Identified, Stateful):
    """A customer's wish to have an image of its own, by address and digest, and what became of it."""

    ID_PREFIX = ids.Prefix.IMAGE_IMPORT
    STATES = IMAGE_IMPORT

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="image_imports")
    name = models.CharField(max_length=80)
    default_user = models.CharField(max_length=32)
    url = models.CharField(max_length=2000)
    sha256 = models.CharField(max_length=64)
    requested_by = models.CharField(max_length=200)
    error_code = models.CharField(max_length=40, blank=True, default="")
    image = models.OneToOneField(
        OSImage, on_delete=models.PROTECT, null=True, blank=True, related_name="imported_by", help_text="Once ready."
    )

    class Meta:
        ordering = ["-pk"]
        constraints = [
            known_state(IMAGE_IMPORT, "image_import_state_known"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="image_import_digest"),
            models.CheckConstraint(condition=Q(url__startswith="https://"), name="image_import_https"),
            models.CheckConstraint(
                condition=Q(image__isnull=True) | Q(state=ImportState.IMPORTED), name="image_import_image_once_imported"
            ),
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
