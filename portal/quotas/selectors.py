"""Questions about limits, budgets and requests for more."""

from django.db import models
from django.db.models import Q

from portal.core.errors import NotFound
from portal.core.locks import locking
from portal.core.prepared import Given, Prepared
from portal.fleet.models import Region, ServerType
from portal.quotas.models import Budget, Quota, QuotaRequest
from portal.tenancy.models import Organization, Project
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope


def quotas_of(organization: Organization) -> models.QuerySet[Quota]:
    """Return the limits of an organization as a whole."""
    return (
        Quota.objects.select_related("server_type", "region", "project", "organization")
        .filter(organization=organization, project=None)
        .order_by("server_type__slug", "region__code", "pk")
    )


def quotas_seen_by(scope: Scope) -> models.QuerySet[Quota]:
    """Return the limits of the scope's organization and those of its project, by type and region."""
    return (
        Quota.objects.select_related("server_type", "region", "project", "organization")
        .filter(Q(project=None) | Q(project=scope.project), organization=scope.organization)
        .order_by("server_type__slug", "region__code", "pk")
    )


def limit_of(
    organization: Organization, project: Project | None, server_type: ServerType, region: Region
) -> models.QuerySet[Quota]:
    """Return the limit of an organization (no project) or of one project, as a QuerySet of at most one row."""
    return Quota.objects.filter(organization=organization, project=project, server_type=server_type, region=region)


def _quotas_for() -> models.QuerySet[Quota]:
    return Quota.objects.filter(
        Q(project=None) | Q(project=Given("project")),
        organization=Given("organization"),
        server_type=Given("server_type"),
        region=Given("region"),
    )


_QUOTAS_FOR = Prepared(_quotas_for)
_QUOTAS_LOCKED = Prepared(lambda: locking(_quotas_for()))


def quotas_for(project: Project, server_type: ServerType, region: Region, *, lock: bool = False) -> list[Quota]:
    """Return the limits that count for a project, its organization's and its own: at most two rows.

    With ``lock`` they are locked until the transaction ends.
    """
    query = _QUOTAS_LOCKED if lock else _QUOTAS_FOR
    return query.rows(
        project=project.pk, organization=project.organization_id, server_type=server_type.pk, region=region.pk
    )


def quota_requests_of(scope: Scope) -> models.QuerySet[QuotaRequest]:
    """Return the project's requests for more, newest first."""
    return (
        QuotaRequest.objects.select_related("server_type", "region", "project")
        .filter(project=scope.project)
        .order_by("-pk")
    )


def quota_request_of(scope: Scope, public_id: str) -> QuotaRequest:
    """Return one request of the project. Raises NotFound."""
    request = quota_requests_of(scope).filter(public_id=public_id).first()
    if request is None:
        raise NotFound("This project has no such request.")
    return request


def _budgets_for() -> models.QuerySet[Budget]:
    return Budget.objects.filter(Q(project=None) | Q(project=Given("project")), organization=Given("organization"))


_BUDGETS_FOR = Prepared(_budgets_for)
_BUDGETS_LOCKED = Prepared(lambda: locking(_budgets_for()))


def budgets_for(project: Project, *, lock: bool = False) -> list[Budget]:
    """Return the budgets that count for a project, its organization's and its own: at most two rows.

    With ``lock`` they are locked until the transaction ends.
    """
    query = _BUDGETS_LOCKED if lock else _BUDGETS_FOR
    return query.rows(project=project.pk, organization=project.organization_id)


def budgets_seen_by(scope: Scope) -> models.QuerySet[Budget]:
    """Return the budget of the scope's organization and that of its project. Raises Forbidden."""
    scope.require(Verb.VIEW_BILLING)
    return (
        Budget.objects.select_related("organization", "project")
        .filter(Q(project=None) | Q(project=scope.project), organization=scope.organization)
        .order_by("pk")
    )


def budget_of(scope: Scope, public_id: str) -> Budget:
    """Return one budget of the scope's organization or project. Raises Forbidden and NotFound."""
    budget = budgets_seen_by(scope).filter(public_id=public_id).first()
    if budget is None:
        raise NotFound("Your organization has no such budget.")
    return budget
