"""Evidence that drives were erased, and what makes it proof."""

from collections.abc import Iterator

from django.db import models
from django.db.models import Q

from portal.core import clock
from portal.fleet.erase_policy import BLOCK_BYTES, SAMPLE_BLOCKS, SAMPLE_BYTES, ErasePolicy, VerifyMode
from portal.fleet.models.metal import Drive, Server


class Erasure(models.Model):
    """What was reported of one drive in one operation. Without proof in it no server returns to the pool."""

    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="erasures")
    operation_id_text = models.CharField(max_length=40, help_text="Public id of the operation.")
    drive_serial = models.CharField(max_length=64)
    drive_model = models.CharField(max_length=80, blank=True, default="", help_text="As the drive calls itself.")
    drive_firmware = models.CharField(max_length=40, blank=True, default="")
    size_bytes = models.BigIntegerField(help_text="As the drive gives it.")
    method = models.CharField(max_length=20)
    started_at = models.DateTimeField(help_text="By the machine's clock.")
    ended_at = models.DateTimeField(help_text="By the machine's clock, after the drive was read back.")
    bytes_erased = models.BigIntegerField()
    verify_mode = models.CharField(max_length=8, choices=[(mode.value, mode.value) for mode in VerifyMode])
    bytes_verified = models.BigIntegerField()
    blocks_sampled = models.BigIntegerField(default=0)
    residue_bytes = models.BigIntegerField()
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server", "operation_id_text", "drive_serial"], name="erasure_once"),
            models.CheckConstraint(
                condition=Q(
                    size_bytes__gte=0,
                    bytes_erased__gte=0,
                    bytes_verified__gte=0,
                    blocks_sampled__gte=0,
                    residue_bytes__gte=0,
                ),
                name="erasure_counts",
            ),
        ]

    def __str__(self) -> str:
        """Return the drive and the operation."""
        return f"{self.drive_serial} {self.operation_id_text}"

    def proves(self, drive: Drive, policy: ErasePolicy) -> bool:
        """Tell whether this shows that all of ``drive`` was erased as ``policy`` asks, and read back clean."""
        return not any(self.flaws(drive, policy))

    def flaws(self, drive: Drive, policy: ErasePolicy) -> Iterator[str]:
        """Yield, in words, everything for which this is no proof that ``drive`` was erased as ``policy`` asks."""
        if self.drive_serial != drive.serial:
            yield f"it is of drive {self.drive_serial}"
        if self.size_bytes != drive.size_bytes:
            yield f"the drive gives its size as {self.size_bytes} bytes, {drive.size_bytes} are recorded"
        if self.method not in policy.methods:
            yield f"{self.method} is not an accepted way to erase it"
        if not policy.allows_reading(self.verify_mode):
            yield "all of it is to be read back, not a sample"
        yield from self.own_flaws()

    def own_flaws(self) -> Iterator[str]:
        """Yield, in words, what is incomplete or contradictory in this by itself, whatever the drive and the policy."""
        if self.size_bytes <= 0:
            yield "the drive has no size"
        if self.bytes_erased != self.size_bytes:
            yield f"{self.bytes_erased} of {self.size_bytes} bytes were erased"
        yield from self._flaws_of_reading()
        if self.residue_bytes:
            yield f"{self.residue_bytes} bytes were left over"
        if self.ended_at < self.started_at:
            yield "it ended before it began"

    def _flaws_of_reading(self) -> Iterator[str]:
        if self.verify_mode == VerifyMode.FULL:
            if self.bytes_verified != self.size_bytes:
                yield f"{self.bytes_verified} of {self.size_bytes} bytes were read back"
        elif self.verify_mode == VerifyMode.SAMPLE:
            least = max(SAMPLE_BYTES, (self.blocks_sampled + 2) * BLOCK_BYTES)
            if self.blocks_sampled < SAMPLE_BLOCKS:
                yield f"{self.blocks_sampled} blocks were read back, at least {SAMPLE_BLOCKS} are needed"
            if not least <= self.bytes_verified <= self.size_bytes:
                yield (
                    f"{self.bytes_verified} bytes cannot be {self.blocks_sampled} blocks, "
                    f"head and tail of {self.size_bytes} bytes"
                )
        else:
            yield f"it is not known how it was read back ({self.verify_mode or 'nothing is said'})"
