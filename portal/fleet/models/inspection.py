"""What servers of a type are made of, and what one was found to be made of."""

from django.db import models

from portal.core import clock
from portal.fleet.models.metal import Server, ServerType


class BillOfMaterials(models.Model):
    """The parts of every server of a type, beside those that the type itself names (GPUs, memory)."""

    server_type = models.OneToOneField(ServerType, on_delete=models.CASCADE, related_name="bill")
    gpu_pci_ids = models.JSONField(help_text="Vendor and device of its GPUs as PCI has them, such as 10de:2330.")
    nic_count = models.PositiveSmallIntegerField(help_text="Least number of network ports.")
    nic_speed_mbps = models.PositiveIntegerField(help_text="Least speed of each.")
    drive_count = models.PositiveSmallIntegerField()
    drive_bytes = models.BigIntegerField(help_text="Least size of each.")

    class Meta:
        verbose_name_plural = "bills of materials"

    def __str__(self) -> str:
        """Return the type."""
        return f"Bill of materials of {self.server_type}"


class Inspection(models.Model):
    """What one look at a server's hardware found, and each difference from what is sold, in words."""

    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="inspections")
    operation_id_text = models.CharField(max_length=40, unique=True, help_text="Public id of the operation.")
    inventory = models.JSONField(help_text="As the ramdisk reported it.")
    differences = models.JSONField(default=list, blank=True)
    at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        """Return the server and how it went."""
        return f"{self.server}: {len(self.differences)} differences"
