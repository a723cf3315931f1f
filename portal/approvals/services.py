"""Asking for what takes two people, and deciding: what is approved is done at once, or not at all."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import transaction

from portal.approvals.kinds import kind_of
from portal.approvals.mails import tell_deciders, tell_who_asked
from portal.approvals.models import TEXT_LENGTH, Approval
from portal.approvals.permissions import OWN, why_not
from portal.approvals.states import ApprovalState
from portal.audit.services import record
from portal.audit.transitions import advance
from portal.core import clock
from portal.core.actors import SYSTEM, Actor, ActorKind
from portal.core.constraints import refuse
from portal.core.errors import Forbidden, InvalidInput, StateConflict
from portal.core.locks import lock_row
from portal.core.repeating import repeatable
from portal.tenancy.models import APIToken, Organization, User

TOO_LATE = "nobody decided in time"


@transaction.atomic
def request_approval(
    *,
    actor: Actor,
    kind: str,
    subject: str,
    data: Mapping[str, Any],
    reason: str,
    organization: Organization | None = None,
    matter: str = "",
) -> Approval:
    """Ask for something that a second person has to agree to; ``data`` is JSON and all that carrying it out takes.

    One waits at a time for a subject, or for each ``matter`` of it.

    The caller has made sure that the actor may ask. Raises InvalidInput on ``kind`` for an unknown one and on
    ``reason`` without one, Forbidden for a person without an account, and StateConflict where the same is pending.
    """
    known, reason = kind_of(kind), reason.strip()
    if not reason or len(reason) > TEXT_LENGTH:
        raise InvalidInput.of("reason", "length", f"Say in 1 to {TEXT_LENGTH} characters why.")
    what = f"{subject}, {matter}," if matter else subject
    pending = f"{known.title} for {what} waits for a decision already: wait for it, or have it withdrawn."
    with refuse("approval_pending_once", StateConflict(pending)):
        made = Approval.objects.create(
            state=ApprovalState.PENDING,
            state_deadline_at=clock.now() + known.wait,
            kind=known.name,
            subject=subject,
            matter=matter,
            data=dict(data),
            organization=organization,
            requested_by=_person_behind(actor),
            requester_kind=actor.kind,
            requester_id=actor.id,
            requester_label=actor.label[:200],
            reason=reason,
        )
    record(
        actor=actor,
        verb="approval.requested",
        target=made.public_id,
        scope=_scope_of(made),
        data={"kind": known.name, "subject": subject, "reason": reason, "asked": made.data},
    )
    transaction.on_commit(partial(tell_deciders, made))
    return made


def _person_behind(actor: Actor) -> User | None:
    """Return who asks: a token's secret was shown to who made it. The system, and some tokens, have nobody."""
    if actor.kind == ActorKind.USER:
        user = User.objects.filter(public_id=actor.id).first()
        if user is None:
            raise Forbidden(f"{actor.label} has no account, so nobody could tell who asked.")
        return user
    token = APIToken.objects.filter(public_id=actor.id).select_related("created_by").first()
    return token.created_by if token else None


def _scope_of(approval: Approval) -> str:
    return approval.organization.public_id if approval.organization else ""


@repeatable
@transaction.atomic
def decide(*, actor: Actor, approval: Approval, approve: bool, comment: str = "") -> Approval:
    """Approve, which does what was asked at once as the actor, or reject with a comment.

    Raises Forbidden unless the actor is a person of the staff that may decide on this kind, did not ask for it and does
    not belong to the organization; InvalidInput on ``comment``; StateConflict where it is decided or too late; and what
    carrying it out raises. Then nothing has changed: it is still pending.
    """
    comment = comment.strip()
    if len(comment) > TEXT_LENGTH or not (comment or approve):
        raise InvalidInput.of("comment", "length", f"Say in 1 to {TEXT_LENGTH} characters why.")
    fresh = lock_row(Approval, approval.pk)
    kind, decider = kind_of(fresh.kind), _decider(actor, fresh)
    if fresh.state == ApprovalState.PENDING and fresh.state_deadline_at and fresh.state_deadline_at <= clock.now():
        raise StateConflict(f"{fresh} was to be decided until {clock.as_rfc3339(fresh.state_deadline_at)}: ask anew.")
    with refuse("approval_two_people", Forbidden(OWN)):
        advance(
            fresh,
            ApprovalState.APPROVED if approve else ApprovalState.REJECTED,
            actor=actor,
            reason=comment,
            scope=_scope_of(fresh),
            data={"kind": fresh.kind, "subject": fresh.subject, "requested_by": fresh.requester_id},
            decided_by=decider,
            decided_at=clock.now(),
            comment=comment,
        )
    (kind.execute if approve else kind.drop)(actor, fresh)
    transaction.on_commit(partial(tell_who_asked, fresh))
    return fresh


def _decider(actor: Actor, approval: Approval) -> User:
    """Return the account of who decides. Raises Forbidden."""
    person = User.objects.filter(public_id=actor.id, is_staff=True, is_active=True).first()
    if actor.kind != ActorKind.USER or person is None:
        raise Forbidden(f"{actor.label} is no person of the staff: only such a person decides.")
    obstacle = why_not(person, approval)
    if obstacle:
        raise Forbidden(obstacle)
    return person


@transaction.atomic
def withdraw(*, actor: Actor, approval: Approval, reason: str = "") -> Approval:
    """Take back what is pending, because its subject has moved on; ``withdraw_own`` is for who asked.

    Raises StateConflict where it is decided.
    """
    fresh = lock_row(Approval, approval.pk)
    _end(actor, fresh, ApprovalState.WITHDRAWN, reason or f"withdrawn by {actor.label}")
    return fresh


@transaction.atomic
def withdraw_own(*, actor: Actor, approval: Approval) -> Approval:
    """Take back what one asked for. Raises Forbidden for what somebody else asked, StateConflict if decided."""
    if approval.requester_id != actor.id:
        raise Forbidden(f"{approval.requester_label} asked for this: only who asked takes it back.")
    return withdraw(actor=actor, approval=approval)


@transaction.atomic
def expire(*, approval: Approval) -> bool:
    """End what nobody decided in time; tell whether it was so."""
    fresh = lock_row(Approval, approval.pk)
    is_late = fresh.state_deadline_at is not None and fresh.state_deadline_at <= clock.now()
    if fresh.state != ApprovalState.PENDING or not is_late:
        return False
    _end(SYSTEM, fresh, ApprovalState.EXPIRED, TOO_LATE)
    transaction.on_commit(partial(tell_who_asked, fresh))
    return True


def _end(actor: Actor, approval: Approval, to: ApprovalState, reason: str) -> None:
    advance(
        approval,
        to,
        actor=actor,
        reason=reason,
        scope=_scope_of(approval),
        data={"kind": approval.kind, "subject": approval.subject},
    )
    kind_of(approval.kind).drop(actor, approval)
