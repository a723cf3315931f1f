"""Who must agree to a contract, and who did."""

from django.db import models
from django.db.models import F, Q

from portal.contracts.models.contract import Contract
from portal.contracts.rules import Approver
from portal.core import clock
from portal.tenancy.models import User


class ContractApproval(models.Model):
    """A role that must agree to a contract as it was quoted; ``approval`` is its public id in the queue."""

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="approvals")
    role = models.CharField(max_length=16, choices=[(role.value, role.value) for role in Approver])
    approval = models.CharField(max_length=40, blank=True, default="")
    reasons = models.JSONField(default=list)
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    asked_at = models.DateTimeField(default=clock.now)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    comment = models.TextField(blank=True, default="")
    is_void = models.BooleanField(default=False, help_text="The contract was changed after it was asked for.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "role"], condition=Q(is_void=False), name="contract_approval_role_once"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | Q(author__isnull=True) | ~Q(decided_by=F("author")),
                name="contract_approval_two_people",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | Q(decided_at__isnull=False), name="contract_approval_dated"
            ),
        ]

    def __str__(self) -> str:
        """Return the role."""
        return self.role
