"""OS images, and customers' wishes to have their own."""

from django.db import models
from django.db.models import F, Q

from portal.catalog.states import IMAGE_IMPORT, ImportState
from portal.core import ids
from portal.core.models import Identified, Stateful, known_state
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
