"""What servers wrote on their serial consoles while they were handed over, and how far that has been read."""

from datetime import timedelta

from django.db import models

from portal.core import ids
from portal.core.models import Identified
from portal.reservations.models.allocation import Allocation

KEPT_FOR = timedelta(days=30)
"""How long output is kept."""


class ConsoleChunk(Identified):
    """Some lines that were read at one time: plain text, but for the codes that colour it."""

    ID_PREFIX = ids.Prefix.CONSOLE

    allocation = models.ForeignKey(
        Allocation, on_delete=models.CASCADE, related_name="console_chunks", db_index=False, editable=False
    )
    text = models.TextField(editable=False)
    size = models.PositiveIntegerField(editable=False, help_text="Characters of the text.")

    class Meta:
        verbose_name = "console output"
        verbose_name_plural = "console output"
        ordering = ["pk"]
        indexes = [models.Index(fields=["allocation", "id"], name="console_chunk_in_order")]


class ConsoleCursor(models.Model):
    """How far the console of a server is read, for the allocation that it is handed over in.

    What the BMC's buffer holds from before the hand-over is not the tenant's: lines before ``position`` at the first
    read are never kept, and ``older`` says how many of those may still be there.
    """

    allocation = models.OneToOneField(
        Allocation, on_delete=models.CASCADE, related_name="console_cursor", primary_key=True, editable=False
    )
    position = models.PositiveBigIntegerField(
        null=True, editable=False, help_text="Lines of the buffer that are done with; empty before the first read."
    )
    older = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="At most so many lines of the buffer are from before the hand-over."
    )
    read_at = models.DateTimeField(null=True, editable=False, help_text="When somebody last began to read.")
    wanted_until = models.DateTimeField(null=True, editable=False, help_text="Until when somebody looks on.")

    def __str__(self) -> str:
        """Return whose console it is, and how far it is read."""
        return f"console of allocation {self.allocation_id}: line {self.position}"
