"""Setting limits and asking for more. What is answered, and what takes two people, is in ``intents``."""

from typing import Any

from django.db import transaction

from portal.approvals.models import Approval
from portal.approvals.selectors import pending_approval
from portal.approvals.services import request_approval, withdraw
from portal.audit.services import record
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import FieldError, InvalidInput, NotFound, StateConflict
from portal.fleet.models import Region, ServerType
from portal.quotas.models import REASON_LENGTH, Quota, QuotaRequest, QuotaScope
from portal.quotas.selectors import limit_of
from portal.quotas.states import QuotaRequestState
from portal.tenancy.models import Organization, Project
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

LARGEST_LIMIT = 100_000
LARGEST_GPU_HOURS = 1_000_000_000
INCREASE = "quota_increase"
"""The kind of approval."""


@transaction.atomic
def set_quota(
    *,
    actor: Actor,
    organization: Organization,
    server_type: ServerType,
    region: Region,
    limit: int,
    gpu_hours_per_month: int | None = None,
    project: Project | None = None,
) -> Quota:
    """Set the most that an organization, or one project of it, may hold. What it holds already stays.

    Raises InvalidInput on ``limit`` outside 0 to LARGEST_LIMIT, on ``gpu_hours_per_month`` outside 0 to
    LARGEST_GPU_HOURS (None: no limit), and on ``project`` for another organization's.
    """
    check_range(limit, gpu_hours_per_month)
    if project is not None and project.organization_id != organization.pk:
        raise InvalidInput.of("project", "unknown", f"Choose a project of {organization.name}.")
    quota, _ = Quota.objects.update_or_create(
        organization=organization,
        project=project,
        server_type=server_type,
        region=region,
        defaults={"limit": limit, "gpu_hours_per_month": gpu_hours_per_month},
    )
    record(
        actor=actor,
        verb="quota.set",
        target=quota.public_id,
        scope=organization.public_id,
        data={
            "limit": limit,
            "gpu_hours_per_month": gpu_hours_per_month,
            "project": project.public_id if project else None,
            "server_type": server_type.slug,
            "region": region.code,
        },
    )
    return quota


def check_range(limit: int, gpu_hours: int | None) -> None:
    """Raise InvalidInput for numbers that no limit can have."""
    errors = []
    if not 0 <= limit <= LARGEST_LIMIT:
        text = f"Give a number of servers from 0 to {LARGEST_LIMIT}."
        errors.append(FieldError("limit", "out_of_range", text))
    if gpu_hours is not None and not 0 <= gpu_hours <= LARGEST_GPU_HOURS:
        text = f"Give a number of GPU-hours from 0 to {LARGEST_GPU_HOURS}, or none for no limit."
        errors.append(FieldError("gpu_hours_per_month", "out_of_range", text))
    if errors:
        raise InvalidInput(errors[0].detail if len(errors) == 1 else "Some fields need your attention.", errors=errors)


@transaction.atomic
def request_increase(
    *,
    scope: Scope,
    actor: Actor,
    server_type: ServerType,
    region: Region,
    limit: int,
    reason: str,
    gpu_hours_per_month: int | None = None,
    applies_to: str = QuotaScope.ORGANIZATION,
) -> QuotaRequest:
    """Ask for more servers at once, more GPU-hours a month (None: as it is now), or both.

    Raises Forbidden, and InvalidInput: on ``reason`` without one, on ``applies_to`` for a project that has no limit
    of its own, on the numbers for what is out of range or no increase, on ``server_type`` where the project has such
    a request already. Then nothing has changed.
    """
    scope.require(Verb.RESERVE)
    reason = reason.strip()
    if not reason or len(reason) > REASON_LENGTH:
        raise InvalidInput.of("reason", "length", f"Say in 1 to {REASON_LENGTH} characters what it is for.")
    check_range(limit, gpu_hours_per_month)
    _check_increase(scope, server_type, region, limit, gpu_hours_per_month, applies_to)
    taken = "The project has a pending request for this server type here: withdraw it, or wait for the answer."
    with refuse("quota_request_pending_once", InvalidInput.of("server_type", "duplicate", taken)):
        made = QuotaRequest.objects.create(
            state=QuotaRequestState.PENDING,
            organization=scope.organization,
            project=scope.project,
            applies_to=applies_to,
            server_type=server_type,
            region=region,
            limit=limit,
            gpu_hours_per_month=gpu_hours_per_month,
            reason=reason,
            requested_by=actor.label[:200],
            requested_by_id=actor.id,
        )
    record(
        actor=actor,
        verb="quota_request.created",
        target=made.public_id,
        scope=scope.organization.public_id,
        data={
            "applies_to": made.applies_to,
            "limit": limit,
            "gpu_hours_per_month": gpu_hours_per_month,
            "server_type": server_type.slug,
            "region": region.code,
        },
    )
    request_approval(
        actor=actor,
        kind=INCREASE,
        subject=made.public_id,
        data=wish(
            server_type,
            region,
            limit,
            gpu_hours_per_month,
            scope.project if made.applies_to == QuotaScope.PROJECT else None,
        ),
        reason=reason,
        organization=scope.organization,
    )
    return made


def wish(
    server_type: ServerType, region: Region, limit: int, gpu_hours: int | None, project: Project | None
) -> dict[str, Any]:
    """Return what is wanted as an approval keeps it; no ``project`` means the whole organization."""
    return {
        "server_type": server_type.slug,
        "region": region.code,
        "limit": limit,
        "gpu_hours_per_month": gpu_hours,
        "project": project.public_id if project else None,
    }


def _check_increase(
    scope: Scope, server_type: ServerType, region: Region, limit: int, gpu_hours: int | None, applies_to: str
) -> None:
    """Raise InvalidInput unless more is asked for than is allowed now, and nothing less."""
    if applies_to not in QuotaScope.values:
        raise InvalidInput.of("applies_to", "unknown", f"Choose one of: {', '.join(QuotaScope.values)}.")
    project = scope.project if applies_to == QuotaScope.PROJECT else None
    present = limit_of(scope.organization, project, server_type, region).first()
    if project is not None and present is None:
        text = "The project has no limit of its own here: ask for the whole organization."
        raise InvalidInput.of("applies_to", "no_limit", text)
    refuse_less(present, limit, present.gpu_hours_per_month if present and gpu_hours is None else gpu_hours)
    more_servers = limit > (present.limit if present else 0)
    if not more_servers and (gpu_hours is None or (present and gpu_hours == present.gpu_hours_per_month)):
        raise InvalidInput.of("limit", "not_more", f"{limit} servers are allowed already: ask for more.")


def refuse_less(present: Quota | None, limit: int, gpu_hours: int | None) -> None:
    """Raise InvalidInput where a raised limit would allow less than the present one does."""
    if present is None:
        return
    if limit < present.limit:
        raise InvalidInput.of("limit", "below_present", f"{present.limit} servers are allowed already.")
    allowed = present.gpu_hours_per_month
    if gpu_hours is not None and (allowed is None or gpu_hours < allowed):
        now = "have no limit" if allowed is None else f"may be {allowed} a month"
        text = f"GPU-hours {now} already: ask for more, or leave them as they are."
        raise InvalidInput.of("gpu_hours_per_month", "below_present", text)


@transaction.atomic
def withdraw_request(*, scope: Scope, actor: Actor, request: QuotaRequest) -> QuotaRequest:
    """Take a pending request back. Raises NotFound for another project's, Forbidden, and StateConflict if answered."""
    if request.project_id != scope.project.pk:
        raise NotFound("This project has no such request.")
    scope.require(Verb.RESERVE)
    withdraw(actor=actor, approval=undecided(request, QuotaRequestState.WITHDRAWN))
    return QuotaRequest.objects.get(pk=request.pk)


def undecided(request: QuotaRequest, to: QuotaRequestState) -> Approval:
    """Lock what decides on a request that is to become ``to``. Raises StateConflict for one that is answered."""
    approval = pending_approval(INCREASE, request.public_id, lock=True)
    if approval is None:
        fresh = QuotaRequest.objects.get(pk=request.pk)
        raise StateConflict(
            f"quota_request {fresh.public_id} is {fresh.state}; it cannot become {to}.",
            extra={"state": fresh.state, "allowed": fresh.STATES.followers(fresh.state)},
        )
    return approval
