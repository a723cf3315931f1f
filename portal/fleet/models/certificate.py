"""Certificates of erasure: signed, chained for each server, and never changed."""

from django.db import models
from django.db.models import Q

from portal.core import clock, ids
from portal.core.models import Identified
from portal.fleet.models.metal import Server
from portal.tenancy.models import Project


class CertificateKey(models.Model):
    """A public key that certificates were signed with. It stays published when another one takes over."""

    key_id = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the raw public key.")
    public_key = models.CharField(max_length=44, help_text="Ed25519, 32 bytes in base 64.")
    first_used_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        """Return the beginning of the key's id."""
        return self.key_id[:16]


class ErasureCertificate(Identified):
    """That one drive was erased by one operation, as it was signed. Written once; the database refuses all else."""

    ID_PREFIX = ids.Prefix.CERTIFICATE

    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="certificates")
    drive_serial = models.CharField(max_length=64, db_index=True)
    method = models.CharField(max_length=20)
    operation_id_text = models.CharField(max_length=40, db_index=True, help_text="Public id of the operation.")
    subject = models.CharField(
        max_length=40, blank=True, default="", db_index=True, help_text="Public id of the reservation that it ended."
    )
    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, blank=True, related_name="certificates")
    sequence = models.PositiveIntegerField(help_text="Place in the chain of the server, from 1.")
    previous_digest = models.CharField(max_length=64, blank=True, default="", help_text="SHA-256 of the one before.")
    key = models.ForeignKey(CertificateKey, on_delete=models.PROTECT, related_name="certificates")
    document = models.TextField(help_text="Canonical JSON (RFC 8785): what is signed.")
    signature = models.CharField(max_length=88, help_text="Ed25519, 64 bytes in base 64.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["server", "sequence"], name="certificate_chain"),
            models.UniqueConstraint(fields=["server", "operation_id_text", "drive_serial"], name="certificate_once"),
            models.CheckConstraint(
                condition=Q(sequence=1, previous_digest="") | (Q(sequence__gt=1) & ~Q(previous_digest="")),
                name="certificate_follows",
            ),
        ]
