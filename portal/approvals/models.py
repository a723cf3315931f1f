"""Decisions that take two people: what is to be done, who asked, who decided."""

from django.db import models
from django.db.models import F, Q

from portal.approvals.states import APPROVAL, DECIDED, ApprovalState
from portal.core import ids
from portal.core.actors import ActorKind
from portal.core.models import Identified, Stateful, known_state
from portal.tenancy.models import Organization, User

TEXT_LENGTH = 1000
"""Most characters of a reason and of a comment."""
MATTER_LENGTH = 80


class Approval(Identified, Stateful):
    """An intent: what will be done, whole in ``data``, as soon as somebody other than who asked says so.

    ``requested_by`` is the person who asked, or who made the API token through which it was asked; the system, and a
    token that nobody is named for, leave it empty. What was asked never changes: a trigger refuses it.
    """

    ID_PREFIX = ids.Prefix.APPROVAL
    STATES = APPROVAL

    kind = models.CharField(max_length=40, editable=False, help_text="Name of a registered kind.")
    subject = models.CharField(max_length=ids.MAX_LENGTH, editable=False, help_text="Public id of what it is about.")
    matter = models.CharField(
        max_length=MATTER_LENGTH,
        blank=True,
        default="",
        editable=False,
        help_text="What of the subject, where several may wait at once; empty: one at a time.",
    )
    data = models.JSONField(default=dict, editable=False, help_text="All that carrying it out takes.")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, related_name="approvals", editable=False
    )
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    requester_kind = models.CharField(max_length=16, editable=False)
    requester_id = models.CharField(max_length=64, editable=False)
    requester_label = models.CharField(max_length=200, editable=False)
    reason = models.TextField(max_length=TEXT_LENGTH, editable=False)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    comment = models.TextField(max_length=TEXT_LENGTH, blank=True, default="", editable=False)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["subject", "-id"], name="approval_by_subject")]
        constraints = [
            known_state(APPROVAL, "approval_state_known"),
            models.CheckConstraint(
                condition=Q(requested_by__isnull=True) | Q(decided_by__isnull=True) | ~Q(requested_by=F("decided_by")),
                name="approval_two_people",
            ),
            models.CheckConstraint(
                condition=~Q(requester_kind=ActorKind.USER) | Q(requested_by__isnull=False),
                name="approval_asked_by_a_known_person",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=sorted(DECIDED)) | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="approval_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state=ApprovalState.REJECTED) | ~Q(comment=""), name="approval_rejected_with_a_comment"
            ),
            models.UniqueConstraint(
                fields=["kind", "subject", "matter"],
                condition=Q(state=ApprovalState.PENDING),
                name="approval_pending_once",
            ),
        ]
