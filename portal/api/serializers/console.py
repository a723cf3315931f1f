"""What servers write on their serial consoles."""

from rest_framework import serializers

from portal.api.fields import InstantField, Text
from portal.api.queries import PageQuery
from portal.reservations.models import ConsoleChunk


class ConsoleQuery(PageQuery):
    """Which output."""

    after = Text(default="", help_text="Id of the last output that you know.")


class ConsoleChunkOut(serializers.Serializer[ConsoleChunk]):
    """Some lines that were read at one time."""

    id = serializers.CharField(source="public_id", help_text="`con_...`")
    at = InstantField(source="created_at", help_text="When it was read; the server wrote it before.")
    text = serializers.CharField(
        help_text="Whole lines, as the server wrote them. Of control characters only line ends, tabs and the codes for "
        "colours (`ESC [ ... m`) are left."
    )
