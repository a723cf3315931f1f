"""Telling people of decisions: who may decide that something waits, and who asked what became of it."""

from collections.abc import Sequence

from django.urls import reverse

from portal.approvals.kinds import kind_of
from portal.approvals.models import Approval
from portal.approvals.permissions import why_not
from portal.core import clock
from portal.core.mail import mail_people
from portal.tenancy.models import User


def tell_deciders(approval: Approval) -> None:
    """Tell the staff who may decide that something waits; administrators only where nobody else may."""
    staff = User.objects.filter(is_staff=True, is_active=True).order_by("pk")
    able = [person for person in staff if not why_not(person, approval)]
    told = [person for person in able if not person.is_superuser] or able
    until = f" It expires at {clock.as_rfc3339(approval.state_deadline_at)}." if approval.state_deadline_at else ""
    _mail(
        [person.email for person in told],
        f"To decide: {_what(approval)}",
        f"{approval.requester_label} asks for it: {approval.reason}{until}",
        approval,
    )


def tell_who_asked(approval: Approval) -> None:
    """Tell a person of the staff who asked; customers are answered by the room whose deed it is."""
    person = approval.requested_by
    if person is None or not person.is_staff or not person.is_active:
        return
    said = f"\n{approval.state_reason}" if approval.state_reason else ""
    _mail([person.email], f"{approval.state.capitalize()}: {_what(approval)}", f"You asked for it.{said}", approval)


def _what(approval: Approval) -> str:
    kind = kind_of(approval.kind)
    size = kind.size(approval.data)
    return f"{kind.title}, {size}" if size else kind.title


def _mail(addresses: Sequence[str], subject: str, text: str, approval: Approval) -> None:
    page = reverse("admin:approvals_approval_change", args=[approval.pk])
    mail_people(subject, text, addresses, page=page, otherwise=f"what became of {approval.public_id}")
