"""Filters that lead from a cell of the capacity board to the reservations behind it."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from portal.audit.staff import filters
from portal.audit.staff.acting import pk_of
from portal.core import clock
from portal.fleet.models import Fabric
from portal.reservations.board import first_day, week_named, weeks_from
from portal.reservations.models import Allocation
from portal.reservations.states import HOLDING


def keeping(queryset: QuerySet[Any], **lookups: Any) -> QuerySet[Any]:
    """Keep the reservations that have a server now or later, of which ``lookups`` hold too."""
    kept = Allocation.objects.filter(reservation=OuterRef("pk"), state__in=HOLDING, **lookups)
    return queryset.filter(Exists(kept))


def _fabric_of(request: HttpRequest) -> dict[str, Any]:
    pk = pk_of(request.GET.get("fabric", ""))
    return {"server__fabric": pk} if pk is not None else {}


class FabricFilter(filters.DropdownFilter):
    """By fabric: in which servers are kept for it."""

    title = "fabric"
    parameter_name = "fabric"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """List the fabrics with their regions."""
        fabrics = Fabric.objects.select_related("region").order_by("region__code", "name")
        return [(str(fabric.pk), f"{fabric.region} / {fabric}") for fabric in fabrics]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the reservations that have a server there."""
        lookups = _fabric_of(request)
        return keeping(queryset, **lookups) if lookups else queryset


class WeekFilter(filters.DropdownFilter):
    """By week: those that keep a server for a part of it, with preparation and turnover, in the chosen fabric."""

    title = "week"
    parameter_name = "week"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """List the weeks of the capacity board."""
        now = clock.now()
        return [(f"{first_day(week):%Y-%m-%d}", f"from {first_day(week):%Y-%m-%d}") for week in weeks_from(now, now)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the reservations behind a cell of the capacity board."""
        week = week_named(str(self.value()), clock.now())
        if week is None:
            return queryset
        return keeping(queryset, occupied__overlap=week.as_range(), **_fabric_of(request))
