"""A kind of approval for tests: its deed is a row in the record, and it refuses where the data says so."""

from portal.approvals import kinds
from portal.approvals.services import request_approval
from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.core import clock
from portal.core.errors import StateConflict
from portal.tenancy.staff import StaffRole
from tests import factories, staff

PERMISSION = "quotas.decide_quota_increase"
"""One that sales have, and operations have not."""


def _execute(actor, approval):
    record(actor=actor, verb="deed.done", target=approval.subject, data={"asked_by": approval.requester_label})
    if approval.data.get("refuses"):
        raise StateConflict(approval.data["refuses"])


def _drop(actor, approval):
    record(actor=actor, verb="deed.dropped", target=approval.subject, data={"state": approval.state})


DEED = kinds.Kind("deed", "Deed", PERMISSION, _execute, _drop, size=lambda data: f"{data.get('size', 0)} pieces")
kinds.register(DEED)


def ask(actor=None, subject="res_1", **data):
    """Ask for a deed, as one of the sales people unless somebody is named."""
    who = actor or staff.person(StaffRole.SALES).as_actor()
    organization = data.pop("organization", None)
    return request_approval(
        actor=who, kind="deed", subject=subject, data=data, reason="it is time", organization=organization
    )


def done(verb="done"):
    """Return what was done, or dropped: the lines of the record."""
    return AuditEvent.objects.filter(verb=f"deed.{verb}").order_by("pk")


def answered():
    """Return a pending approval that has all that a decision would give it: a row for any state."""
    made = ask()
    made.decided_by, made.decided_at, made.comment = factories.user(), clock.now(), "as it is"
    made.save(update_fields=["decided_by", "decided_at", "comment"])
    return made
