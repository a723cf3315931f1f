"""Whom something that is about servers concerns: the tenants that have them."""

from collections.abc import Iterable

from django.db import models

from portal.fleet.models import Server
from portal.reservations.models import Allocation
from portal.reservations.states import HOLDING, AllocationState
from portal.tenancy.models import Project
from portal.tenancy.scope import Scope


def held() -> models.QuerySet[Allocation]:
    """Return the allocations that are handed over, or begin to be."""
    return Allocation.objects.filter(state__in=(AllocationState.BOOKED, AllocationState.SERVING))


def projects_with(server_pks: Iterable[int]) -> models.QuerySet[Project]:
    """Return the projects that have one of the servers, or are booked to."""
    reservations = held().filter(server__in=list(server_pks)).values("reservation__project")
    return Project.objects.filter(pk__in=reservations).order_by("pk")


def tenancy_of(scope: Scope, server: Server) -> Allocation | None:
    """Return with what allocation the project has a server, or will have it next; None where it has not."""
    return (
        held()
        .select_related("reservation__sla_tier")
        .filter(server=server, reservation__project=scope.project)
        .order_by("occupied")
        .first()
    )


def servers_of(scope: Scope) -> models.QuerySet[Allocation, int]:
    """Return the pks of the servers that the project has, will have, or is giving back."""
    return Allocation.objects.filter(state__in=HOLDING, reservation__project=scope.project).values_list(
        "server_id", flat=True
    )
