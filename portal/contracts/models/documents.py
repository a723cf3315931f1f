"""What was signed, by whom, and the files that show it. None of it is ever changed: the database refuses."""

from django.db import models
from django.db.models import Q

from portal.contracts.models.contract import Contract
from portal.core import clock
from portal.tenancy.models import User

MOST_BYTES = 10 * 1024 * 1024


class Document(models.Model):
    """A file that belongs to a contract, with the digest of its bytes."""

    class Kind(models.TextChoices):
        """What it is."""

        SENT = "sent", "As it was sent"
        SIGNED = "signed", "As it came back signed"

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["contract", "kind"], name="contract_document_once"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="contract_document_digest"),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class Signature(models.Model):
    """That the customer signed: in the portal with a tick, from an address; or on a document that was uploaded."""

    contract = models.OneToOneField(Contract, on_delete=models.PROTECT, related_name="signature")
    name = models.CharField(max_length=120)
    title = models.CharField(max_length=120)
    signed_at = models.DateTimeField(default=clock.now)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    document = models.OneToOneField(Document, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    sent_sha256 = models.CharField(max_length=64, help_text="Digest of the document that was signed.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(name="") & ~Q(title=""), name="contract_signature_named"),
            models.CheckConstraint(
                condition=Q(document__isnull=False) | Q(ip__isnull=False, user__isnull=False),
                name="contract_signature_by_person_or_paper",
            ),
        ]

    def __str__(self) -> str:
        """Return who signed."""
        return f"{self.name}, {self.title}"
