"""Questions about decisions that take two people."""

from django.db import models
from django.db.models import Q

from portal.approvals.kinds import all_kinds
from portal.approvals.models import Approval
from portal.approvals.states import ApprovalState
from portal.core import clock
from portal.core.locks import lock_rows
from portal.tenancy.models import User


def pending_approval(kind: str, subject: str, *, lock: bool = False) -> Approval | None:
    """Return what waits to be decided about a subject; with ``lock`` it is locked until the transaction ends.

    Whoever locks the subject too locks the approval first: that is the order of those who decide.
    """
    found = Approval.objects.filter(kind=kind, subject=subject, state=ApprovalState.PENDING)
    return next(iter(lock_rows(found)), None) if lock else found.first()


def approvals_of(subject: str) -> models.QuerySet[Approval]:
    """Return all that was ever asked about a subject, newest first."""
    return Approval.objects.filter(subject=subject).order_by("-pk")


def kinds_decided_by(user: User) -> list[str]:
    """Return the names of the kinds that a person may decide on."""
    return [kind.name for kind in all_kinds() if user.has_perm(kind.staff_permission)]


def seen_by(user: User) -> Q:
    """Return the condition of what a person sees: what it decides on, and what it asked for itself."""
    if user.is_superuser:
        # Also what is of a kind that is no longer there.
        return Q()
    return Q(kind__in=kinds_decided_by(user)) | Q(requested_by=user)


def waiting_for(user: User) -> models.QuerySet[Approval]:
    """Return what waits for a person's decision: of its kinds, not asked for by itself, and not barred to it."""
    kinds = kinds_decided_by(user)
    waiting = Approval.objects.filter(
        ~Q(requested_by=user) | Q(requested_by=None), kind__in=kinds, state=ApprovalState.PENDING
    )
    for kind in all_kinds():
        waiting = waiting.exclude(kind.barred(user), kind=kind.name)
    return waiting


def overdue_approvals() -> models.QuerySet[Approval]:
    """Return what nobody decided in time."""
    return Approval.objects.filter(state=ApprovalState.PENDING, state_deadline_at__lte=clock.now()).order_by("pk")
