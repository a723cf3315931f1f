"""More quota takes two people: one who asks, a customer or one of the staff, and another of the staff who decides."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction

from portal.approvals.kinds import Kind
from portal.approvals.models import Approval
from portal.approvals.services import decide, request_approval
from portal.approvals.states import ApprovalState
from portal.audit.transitions import advance
from portal.core.actors import Actor
from portal.core.errors import InvalidInput, StateConflict
from portal.core.locks import lock_row, lock_rows
from portal.core.mail import mail_people
from portal.fleet.models import Region, ServerType
from portal.quotas.models import Quota, QuotaRequest, QuotaScope
from portal.quotas.selectors import limit_of
from portal.quotas.services.limits import INCREASE, check_range, refuse_less, set_quota, undecided, wish
from portal.quotas.states import QuotaRequestState
from portal.tenancy.models import Organization, Project
from portal.tenancy.selectors import notification_addresses

WAIT = timedelta(days=30)
"""How long a customer's request, or one of the staff, waits for a decision; then it is declined."""
BECOMES = {
    ApprovalState.REJECTED: QuotaRequestState.DECLINED,
    ApprovalState.EXPIRED: QuotaRequestState.DECLINED,
    ApprovalState.WITHDRAWN: QuotaRequestState.WITHDRAWN,
}
"""What a request becomes when it is not granted."""


@transaction.atomic
def approve_request(
    *, actor: Actor, request: QuotaRequest, limit: int, gpu_hours_per_month: int | None, reason: str = ""
) -> Quota:
    """Grant a pending request, with these numbers, and set the limit; those who asked are told by mail.

    Raises Forbidden for who asked, belongs to the organization or is no person of the staff that may, StateConflict for
    one that is answered, InvalidInput for numbers out of range or below what is allowed now. Then nothing has changed.
    """
    check_range(limit, gpu_hours_per_month)
    approval = undecided(request, QuotaRequestState.APPROVED)
    granted = {"granted_limit": limit, "granted_gpu_hours_per_month": gpu_hours_per_month}
    QuotaRequest.objects.filter(pk=request.pk).update(**granted)
    decide(actor=actor, approval=approval, approve=True, comment=reason)
    return limit_of(request.organization, _limited(request), request.server_type, request.region).get()


@transaction.atomic
def decline_request(*, actor: Actor, request: QuotaRequest, reason: str) -> QuotaRequest:
    """Refuse a pending request; those who asked read why, also by mail.

    Raises InvalidInput on ``reason`` without one, Forbidden as ``approve_request`` does, StateConflict for one that is
    answered.
    """
    if not reason.strip():
        raise InvalidInput.of("reason", "required", "Say why: the customer reads it.")
    approval = undecided(request, QuotaRequestState.DECLINED)
    decide(actor=actor, approval=approval, approve=False, comment=reason)
    return QuotaRequest.objects.get(pk=request.pk)


@transaction.atomic
def change_limit(
    *,
    actor: Actor,
    organization: Organization,
    server_type: ServerType,
    region: Region,
    limit: int,
    gpu_hours_per_month: int | None = None,
    project: Project | None = None,
    reason: str = "",
) -> Quota | Approval:
    """Set a limit that allows no more than now at once; ask a second person of the staff for one that allows more.

    Raises what ``set_quota`` raises, InvalidInput on ``reason`` where one is needed, and StateConflict where the same
    limit waits for a decision, or was lowered meanwhile.
    """
    check_range(limit, gpu_hours_per_month)
    query = limit_of(organization, project, server_type, region)
    numbers = (limit, gpu_hours_per_month)
    fields: dict[str, Any] = {
        "organization": organization,
        "server_type": server_type,
        "region": region,
        "project": project,
    }
    present = query.first()
    if _is_more(present, project, *numbers):
        # Nothing may be held without a limit, as with one of 0: so there is a limit to ask about.
        quota = present or set_quota(actor=actor, limit=0, **fields)
        return request_approval(
            actor=actor,
            kind=INCREASE,
            subject=quota.public_id,
            data=wish(server_type, region, limit, gpu_hours_per_month, project),
            reason=reason,
            organization=organization,
        )
    if _is_more(next(iter(lock_rows(query)), None), project, *numbers):
        raise StateConflict("Somebody else has lowered this limit meanwhile. Look again.")
    return set_quota(actor=actor, limit=limit, gpu_hours_per_month=gpu_hours_per_month, **fields)


def _is_more(present: Quota | None, project: Project | None, limit: int, gpu_hours: int | None) -> bool:
    """Tell whether these numbers allow more than now. A project without a limit of its own gets one: that is less."""
    if present is None:
        return project is None and limit > 0
    allowed = present.gpu_hours_per_month
    return limit > present.limit or (allowed is not None and (gpu_hours is None or gpu_hours > allowed))


def _limited(request: QuotaRequest) -> Project | None:
    return request.project if request.applies_to == QuotaScope.PROJECT else None


def _raise_limit(actor: Actor, approval: Approval) -> None:
    """Raise the limit that an approval is about: what a request is granted, or what one of the staff asked for."""
    request = QuotaRequest.objects.filter(public_id=approval.subject).first()
    if request is not None:
        _grant(actor, approval, lock_row(QuotaRequest, request.pk))
        return
    quota = next(iter(lock_rows(Quota.objects.filter(public_id=approval.subject))), None)
    if quota is None:
        raise StateConflict("The limit is gone: there is nothing to raise.")
    _raise(actor, quota, quota.project, quota, approval.data["limit"], approval.data["gpu_hours_per_month"])


def _grant(actor: Actor, approval: Approval, request: QuotaRequest) -> None:
    project = _limited(request)
    present = next(iter(lock_rows(limit_of(request.organization, project, request.server_type, request.region))), None)
    limit, gpu_hours = request.granted_limit, request.granted_gpu_hours_per_month
    if limit is None:
        # Decided in the queue: as it was asked for, and hours that were left open stay as they are.
        limit, gpu_hours = request.limit, request.gpu_hours_per_month
        gpu_hours = present.gpu_hours_per_month if present and gpu_hours is None else gpu_hours
    advance(
        request,
        QuotaRequestState.APPROVED,
        actor=actor,
        scope=request.organization.public_id,
        reason=approval.comment,
        data={"limit": limit, "gpu_hours_per_month": gpu_hours},
        granted_limit=limit,
        granted_gpu_hours_per_month=gpu_hours,
    )
    _raise(actor, request, project, present, limit, gpu_hours)
    transaction.on_commit(partial(_mail, request))


def _raise(
    actor: Actor,
    of: Quota | QuotaRequest,
    project: Project | None,
    present: Quota | None,
    limit: int,
    gpu_hours: int | None,
) -> None:
    refuse_less(present, limit, gpu_hours)
    set_quota(
        actor=actor,
        organization=of.organization,
        project=project,
        server_type=of.server_type,
        region=of.region,
        limit=limit,
        gpu_hours_per_month=gpu_hours,
    )


def _drop(actor: Actor, approval: Approval) -> None:
    """Give a customer's request its answer; what one of the staff asked for has left nothing behind."""
    request = QuotaRequest.objects.filter(public_id=approval.subject).first()
    if request is None:
        return
    fresh, to = lock_row(QuotaRequest, request.pk), BECOMES[ApprovalState(approval.state)]
    advance(fresh, to, actor=actor, scope=fresh.organization.public_id, reason=approval.state_reason)
    if to == QuotaRequestState.DECLINED:
        transaction.on_commit(partial(_mail, fresh))


def _mail(request: QuotaRequest) -> None:
    """Tell the project's people the answer."""
    what = f"{request.server_type.name} in {request.region.code}"
    granted = f"Up to {request.granted_limit} servers at once may be held now.\n"
    mail_people(
        f"Your request for more {what} is {request.state}",
        f"Your request {request.public_id} for {request.limit} x {what} is {request.state}.\n"
        f"{granted if request.state == QuotaRequestState.APPROVED else ''}"
        f"{request.state_reason}",
        notification_addresses(request.project),
        page="/quotas",
        otherwise=f"the answer to {request.public_id}",
    )


def _size(data: Mapping[str, Any]) -> str:
    hours = data["gpu_hours_per_month"]
    of_hours = "" if hours is None else f", {hours:,} GPU-hours a month"
    return f"{data['limit']:,} x {data['server_type']} in {data['region']}{of_hours}"


KIND = Kind(
    name=INCREASE,
    title="Increase of quota",
    staff_permission="quotas.decide_quota_increase",
    execute=_raise_limit,
    drop=_drop,
    size=_size,
    wait=WAIT,
)
