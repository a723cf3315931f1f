"""Whom something that is about servers concerns: the tenants that have them."""

from collections.abc import Iterable

from django.db import models
from django.db.models import Q

from portal.core import clock
from portal.fleet.models import Server
from portal.reservations.models import Allocation
from portal.reservations.states import HOLDING, AllocationState
from portal.sla.models import Incident
from portal.tenancy.models import Project
from portal.tenancy.scope import Scope


def held() -> models.QuerySet[Allocation]:
    """Return the allocations that are handed over, or begin to be."""
    return Allocation.objects.filter(state__in=(AllocationState.BOOKED, AllocationState.SERVING))


def projects_with(server_pks: Iterable[int]) -> models.QuerySet[Project]:
    """Return the projects that have one of the servers, or are booked to."""
    reservations = held().filter(server__in=list(server_pks)).values("reservation__project")
    return Project.objects.filter(pk__in=reservations).order_by("pk")


def projects_touched(incident: Incident) -> models.QuerySet[Project]:
    """Return the projects that had one of an incident's servers while it lasted, or were to be handed it then.

    Whoever gave a server back meanwhile is among them: the rest of the story is theirs too.
    """
    over = incident.resolved_at or clock.now()
    had = Allocation.objects.filter(
        Q(ready_at__isnull=False) | Q(state=AllocationState.BOOKED),
        server__in=incident.touched.values("server"),
        occupied__startswith__lte=over,
        occupied__endswith__gt=incident.began_at,
    )
    return Project.objects.filter(pk__in=had.values("reservation__project")).order_by("pk")


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
