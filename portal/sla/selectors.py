"""Questions about promises measured. Those of tenants take the scope first and never see another project's rows."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, Greatest, Least

from portal.core import clock
from portal.core.errors import NotFound
from portal.core.months import begin_of, next_month
from portal.reservations.models import Allocation, Reservation
from portal.reservations.selectors import reservation_of, reservations_of
from portal.sla.concerned import servers_of
from portal.sla.definitions import Kind
from portal.sla.models import (
    Evidence,
    Incident,
    IncidentServer,
    MaintenanceServer,
    MaintenanceWindow,
    ServerMonth,
    SlaCredit,
)
from portal.sla.models.evidence import Source
from portal.sla.states import CreditState, MaintenanceState
from portal.tenancy.models import Organization
from portal.tenancy.scope import Scope


def allocations_in(month: date) -> models.QuerySet[Allocation]:
    """Return the allocations whose servers were handed over before the end of a month, and kept into it."""
    begin, end = begin_of(month), begin_of(next_month(month))
    return Allocation.objects.filter(ready_at__lt=end, occupied__startswith__lt=end, occupied__endswith__gt=begin)


def to_be_measured(month: date) -> models.QuerySet[Allocation]:
    """Return the same, with those that were promised for a part of the month and not handed over."""
    begin, end = begin_of(month), begin_of(next_month(month))
    promised = Q(ready_at__lt=end) | Q(reservation__image__isnull=False, reservation__sla_tier__isnull=False)
    return Allocation.objects.filter(promised, occupied__startswith__lt=end, occupied__endswith__gt=begin)


def credits_to_invoice(organization: Organization, until: date) -> models.QuerySet[SlaCredit]:
    """Return the credits that are due to an organization for months that began before ``until``, the oldest first."""
    return (
        SlaCredit.objects.select_related("reservation", "server", "tier")
        .filter(organization=organization, state=CreditState.DUE, month__lt=until)
        .order_by("month", "pk")
    )


def credits_of(scope: Scope) -> models.QuerySet[SlaCredit]:
    """Return the project's credits, newest first."""
    return (
        SlaCredit.objects.select_related("reservation", "server", "tier")
        .filter(reservation__project=scope.project)
        .order_by("-month", "-pk")
    )


def server_months_of(scope: Scope) -> models.QuerySet[ServerMonth]:
    """Return what was measured of the project's servers, the last month first."""
    return (
        ServerMonth.objects.select_related("reservation", "server", "tier")
        .filter(reservation__project=scope.project)
        .order_by("-month", "-pk")
    )


def last_seen(*, servers: Iterable[int], kind: Kind, source: Source) -> dict[int, datetime]:
    """Return when a source last spoke of a kind, by the pks of servers; those that it never spoke of are left out."""
    rows = Evidence.objects.filter(server__in=list(servers), kind=kind.value, source=source)
    return dict(rows.order_by("server", "kind", "-pk").distinct("server", "kind").values_list("server", "until"))


def evidence_of(scope: Scope, reservation_id: str, server_id: str) -> models.QuerySet[Evidence]:
    """Return what was seen of a server while a reservation of the project had it, in the order of recording.

    Runs that began before or went on after are cut: ``seen_since`` and ``seen_until``. Raises NotFound.
    """
    reservation = reservation_of(scope, reservation_id)
    had = Allocation.objects.filter(reservation=reservation, server__public_id=server_id, ready_at__isnull=False)
    spans = [
        (max(row.ready_at, reservation.span.start), row.turnover.lower if row.turnover else row.occupied.upper)
        for row in had
        if row.ready_at is not None
    ]
    if not spans:
        raise NotFound("This reservation was not handed over such a server.")
    within = Q()
    for since, until in spans:
        within |= Q(until__gte=since, since__lt=until)
    first, last = min(since for since, _ in spans), max(until for _, until in spans)
    rows = Evidence.objects.filter(within, server=had[0].server_id).order_by("pk")
    return rows.annotate(
        seen_since=Greatest("since", models.Value(first)), seen_until=Least("until", models.Value(last))
    )


def over_maintenance() -> models.QuerySet[MaintenanceWindow]:
    """Return the announced windows whose announced time is over."""
    return MaintenanceWindow.objects.filter(
        state=MaintenanceState.ANNOUNCED, period__endswith__lte=clock.now()
    ).order_by("pk")


def incidents_of(scope: Scope) -> models.QuerySet[Incident]:
    """Return the public incidents and those that touched a server while the project had it, newest first."""
    had = Allocation.objects.filter(
        server=models.OuterRef("server"),
        reservation__project=scope.project,
        ready_at__lt=Coalesce(models.OuterRef("incident__resolved_at"), models.Value(clock.now())),
        occupied__endswith__gt=models.OuterRef("incident__began_at"),
    )
    touched = IncidentServer.objects.filter(models.Exists(had), incident=models.OuterRef("pk"))
    return _told(Incident.objects.filter(Q(is_public=True) | models.Exists(touched)))


def incident_of(scope: Scope, public_id: str) -> Incident:
    """Return one of those incidents. Raises NotFound."""
    found = incidents_of(scope).filter(public_id=public_id).first()
    if found is None:
        raise NotFound("There is no such incident, or none of your servers was touched by it.")
    return found


def public_incidents() -> models.QuerySet[Incident]:
    """Return the incidents for everybody to see, newest first. Their servers are nobody's business."""
    return _told(Incident.objects.filter(is_public=True))


def _told(incidents: models.QuerySet[Incident]) -> models.QuerySet[Incident]:
    return incidents.select_related("region").prefetch_related("updates", "touched__server").order_by("-pk")


def maintenance_of(scope: Scope) -> models.QuerySet[MaintenanceServer]:
    """Return the turns of the project's servers in maintenance that is not called off, the next ones last."""
    return (
        MaintenanceServer.objects.select_related("window__region", "server")
        .filter(server__in=servers_of(scope))
        .exclude(window__state=MaintenanceState.CANCELLED)
        .order_by("-pk")
    )


def turn_of(scope: Scope, window_id: str, server_id: str) -> MaintenanceServer:
    """Return the turn of one of the project's servers. Raises NotFound."""
    found = maintenance_of(scope).filter(window__public_id=window_id, server__public_id=server_id).first()
    if found is None:
        raise NotFound("You have no such server in this maintenance.")
    return found


def public_maintenance() -> models.QuerySet[MaintenanceWindow]:
    """Return the announced windows, the next one first."""
    return (
        MaintenanceWindow.objects.select_related("region")
        .filter(state=MaintenanceState.ANNOUNCED)
        .order_by("period", "pk")
    )


def reservations_in(scope: Scope, month: date) -> models.QuerySet[Reservation]:
    """Return the project's reservations that had a server or a credit for one in a month, newest first."""
    had = allocations_in(month).filter(reservation=models.OuterRef("pk"))
    credited = SlaCredit.objects.filter(month=month, reservation=models.OuterRef("pk"))
    found = reservations_of(scope).filter(models.Exists(had) | models.Exists(credited))
    return found.select_related("sla_tier").order_by("-pk")


def servers_had_by(scope: Scope) -> models.QuerySet[Allocation, int]:
    """Return the pks of the servers that the project was ever handed over."""
    return Allocation.objects.filter(reservation__project=scope.project, ready_at__isnull=False).values_list(
        "server_id", flat=True
    )
