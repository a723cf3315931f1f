"""Who may decide on what: never who asked."""

from portal.approvals.kinds import kind_of
from portal.approvals.models import Approval
from portal.tenancy.models import Membership, User

OWN = "You asked for this, or made the API token that asked: somebody else must decide."


def why_not(person: User, approval: Approval) -> str:
    """Return in a sentence why a person of the staff may not decide, empty where it may.

    Raises InvalidInput for a kind that nobody registered.
    """
    kind = kind_of(approval.kind)
    if approval.requested_by_id == person.pk:
        return OWN
    if not person.has_perm(kind.staff_permission):
        return f"Your role does not decide on this: {kind.title}."
    if Membership.objects.filter(organization=approval.organization_id, user=person).exists():
        return f"You belong to {approval.organization}: somebody else must decide."
    if Approval.objects.filter(kind.barred(person), pk=approval.pk).exists():
        return kind.why_barred
    return ""
