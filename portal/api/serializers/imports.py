"""A project's own images on their way into its catalogue."""

from typing import Any

from rest_framework import serializers

from portal.api.fields import DRY_RUN, Input, InstantField, Text
from portal.api.queries import PageQuery
from portal.api.serializers.choices import choices_of
from portal.catalog.models import ImageImport
from portal.catalog.states import ImportState

# Named here, because the OpenAPI description calls them by these names (settings.SPECTACULAR_SETTINGS).
IMPORT_STATES = choices_of(ImportState)


class ImportsQuery(PageQuery):
    """Which imports."""

    state = serializers.ListField(
        child=serializers.ChoiceField(choices=IMPORT_STATES), required=False, help_text="May be given several times."
    )


class ImportIn(Input[ImageImport]):
    """Which image to fetch. Formats are left to the service, which names the field and the way out."""

    name = Text(help_text="What it is called in the catalogue, in at most 80 characters.")
    url = Text(help_text="https address of the file itself; a signed one is possible, a login is not.")
    sha256 = Text(help_text="SHA-256 of the file, 64 hexadecimal digits.")
    default_user = Text(help_text="User whom the image's cloud-init makes, such as `ubuntu`.")


class ImportOut(serializers.Serializer[ImageImport]):
    """An image that was asked for, and what became of it."""

    id = serializers.CharField(source="public_id", help_text="`imi_...`")
    state = serializers.ChoiceField(choices=IMPORT_STATES)
    state_reason = serializers.CharField(allow_blank=True, help_text="Why it failed, and the way out.")
    state_changed_at = InstantField()
    error_code = serializers.CharField(allow_blank=True)
    name = serializers.CharField()
    url = serializers.CharField()
    sha256 = serializers.CharField()
    default_user = serializers.CharField()
    image = serializers.CharField(
        source="image.public_id", allow_null=True, default=None, help_text="`img_...` once it is imported."
    )
    project = serializers.CharField(source="project.public_id")
    requested_by = serializers.CharField()
    created_at = InstantField()


class WrittenImportOut(ImportOut):
    """An import after a write, or as it would be after it."""

    dry_run = DRY_RUN


def import_document(row: ImageImport) -> dict[str, Any]:
    """Return one import as the API writes it."""
    return dict(ImportOut(row).data)
