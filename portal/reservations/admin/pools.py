"""Pools: what is sold alike, how many spares each keeps back, and the capacity board over all of them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.contrib.filters.admin import RelatedDropdownFilter

from portal.audit.staff import columns, filters
from portal.audit.staff.acts import Act, On, Values, act_on, warn_before_acts_on
from portal.audit.staff.forms import ActForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.watch import Watch
from portal.core.actors import Actor
from portal.fleet.models import POOL_STATES, Server
from portal.fleet.spares import recommended_spares
from portal.fleet.states import ServerState
from portal.reservations.admin.board import board_context
from portal.reservations.models import Pool
from portal.reservations.services.spares import set_spares_wanted


def _count(condition: Q) -> Coalesce:
    place = {name: OuterRef(name) for name in ("server_type", "region", "fabric")}
    rows = Server.objects.filter(condition, **place).order_by().values("server_type")
    return Coalesce(Subquery(rows.annotate(servers=Count("pk")).values("servers")), 0, output_field=IntegerField())


def with_counts(pools: QuerySet[Pool]) -> QuerySet[Pool]:
    """Return the pools that are sold, each with its servers: in all, for sale, and spares that could serve."""
    return pools.filter(is_spare=False).annotate(
        servers=_count(~Q(state=ServerState.RETIRED)),
        for_sale=_count(Q(is_spare=False, state__in=POOL_STATES)),
        spares=_count(Q(is_spare=True, state__in=POOL_STATES)),
    )


def _recommended(pool: Any) -> int:
    return recommended_spares(pool.servers)


def _wanted(pool: Any) -> int:
    return _recommended(pool) if pool.spares_wanted is None else int(pool.spares_wanted)


def is_short() -> Q:
    """Return the condition that a pool has fewer spares than it is to have."""
    pools = with_counts(Pool.objects.all())
    return Q(pk__in=[pool.pk for pool in pools if pool.spares < _wanted(pool)])  # type: ignore[attr-defined]


PLACE = (
    columns.link("region", "Region", "region__code"),
    columns.link("fabric", "Fabric", "fabric__name"),
)
COUNTS = (
    columns.field("servers", "Servers"),
    columns.field("for_sale", "For sale"),
    columns.field("spares", "Spares"),
    columns.column("Spares wanted", _wanted),
    columns.column("Recommended", _recommended),
    columns.column("Set by", lambda row: "the table" if row.spares_wanted is None else "staff", "spares_wanted"),
)


@admin.register(Pool)
class PoolAdmin(RecordAdmin):
    """The servers of a type in a fabric, with the spares that are kept back of them."""

    list_display = (columns.field("server_type", "Type"), *PLACE, *COUNTS)
    list_filter = (
        filters.answers("spares", "spares", {"short": ("fewer than wanted", is_short)}),
        ("server_type", RelatedDropdownFilter),
        ("region", RelatedDropdownFilter),
    )
    list_select_related = ("server_type", "region", "fabric")
    search_fields = ("server_type__name", "server_type__slug", "region__code", "fabric__name")
    search_help_text = "Type, region or fabric"
    ordering = ("server_type__slug", "region__code", "fabric__name")
    watch = (Watch("Pools short of spares", {"spares": "short"}, is_short, "warn"),)
    facts = (("", (columns.link("server_type", "Type"), *PLACE, *COUNTS)),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the servers along; the pool that is sold stands for that of its spares too."""
        return with_counts(super().get_queryset(request))

    def get_urls(self) -> list[URLPattern]:
        """Add the capacity board."""
        view = self.admin_site.admin_view(self.board_view)
        return [path("board/", view, name="reservations_board"), *super().get_urls()]

    def board_view(self, request: HttpRequest) -> HttpResponse:
        """Show the capacity board."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), **board_context(request)}
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/board.html", context)


class SparesForm(ActForm):
    """How many to keep back."""

    count = forms.IntegerField(
        min_value=0, required=False, label="Spares wanted", help_text="Empty: as many as are recommended."
    )


def _set(actor: Actor, row: Pool, values: Values) -> None:
    set_spares_wanted(actor=actor, pool=row, count=values["count"])


warn_before_acts_on(
    Pool,
    lambda row: [f"It has {row.servers} servers, of which {row.spares} are spares. Recommended: {_recommended(row)}."],
)
act_on(
    Pool,
    Act(
        name="spares",
        title="Set spares",
        permission="reservations.change_pool",
        on=On.ROWS,
        perform=_set,
        form=SparesForm,
        initial=lambda row: {"count": row.spares_wanted} if row is not None else {},
        effects=(
            "Free servers are held back from sale, or sold again, until the pool has so many spares.",
            "It happens by itself and moves no reservation: while all servers are booked, none becomes a spare.",
        ),
        done="The spares of {row} are set.",
        icon="inventory_2",
    ),
)
