"""The page of an object and the list of its kind: read-only, with panels below the facts and acts above them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from portal.audit.models import AuditEvent
from portal.audit.services import target_of
from portal.audit.staff import columns
from portal.audit.staff.acting import ActPages, pk_of
from portal.audit.staff.acts import On, acts_on
from portal.audit.staff.panels import MOST, Table, may_view, tables_for
from portal.audit.staff.watch import Watch
from portal.core.models import Stateful

if TYPE_CHECKING:
    Page = admin.ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin as Page


class RecordAdmin(ActPages, Page):
    """Base of every model's pages. Nothing is added, edited or deleted here; acts call services.

    ``facts`` lists what the object's page shows, by heading; ``counts`` names numbers of related rows that columns
    show, by the name of the relation; ``watch`` lists what the first page counts.
    """

    facts: ClassVar[tuple[tuple[str, tuple[columns.Column, ...]], ...]]
    counts: ClassVar[Mapping[str, str]] = {}
    watch: ClassVar[tuple[Watch, ...]] = ()

    list_per_page = 50
    list_filter_submit = True
    list_fullwidth = True
    list_disable_select_all = True
    show_facets = admin.ShowFacets.NEVER
    view_on_site = False
    empty_value_display = columns.NOTHING
    change_form_template = "admin/record.html"

    def __init__(self, model: type[models.Model], admin_site: admin.AdminSite) -> None:
        """Refuse to show a model whose facts are not named: by default the admin would show every field."""
        if not getattr(self, "facts", ()):
            raise ImproperlyConfigured(f"{type(self).__name__} must name the facts that it shows.")
        super().__init__(model, admin_site)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: new objects come from acts."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: changes come from acts."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what the record tells of stays."""
        return False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Count related rows along, in the same query."""
        rows: models.QuerySet[Any] = super().get_queryset(request)
        counts = {name: models.Count(path, distinct=True) for name, path in self.counts.items()}
        return rows.annotate(**counts) if counts else rows

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the facts."""
        return [(heading or None, {"fields": fields}) for heading, fields in self.facts]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return all facts: none is editable."""
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of acts."""
        meta = self.model._meta
        prefix = f"{meta.app_label}_{meta.model_name}"
        view = self.admin_site.admin_view(self.act_view)
        return [
            path("act/<slug:name>/", view, name=f"{prefix}_act_list"),
            path("<path:object_id>/act/<slug:name>/", view, name=f"{prefix}_act"),
            *super().get_urls(),
        ]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer the acts on several objects that the person may do, and nothing else."""
        offered = [act for act in acts_on(self.model) if act.on is On.ROWS and request.user.has_perm(act.permission)]
        return {act.name: (self.bulk_of(act), act.name, f"{act.title}…") for act in offered}

    def response_action(self, request: HttpRequest, queryset: models.QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        """Refuse a choice that holds something else than keys."""
        if None in [pk_of(chosen) for chosen in request.POST.getlist(ACTION_CHECKBOX_NAME)]:
            messages.error(request, "The choice was not understood; nothing was done. Choose again.")
            return None
        return super().response_action(request, queryset, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the list with the acts that make new objects."""
        reply = super().changelist_view(request, extra_context)
        if isinstance(reply, TemplateResponse) and reply.context_data is not None:
            reply.context_data["actions_list"] = self.buttons(request, None)
        return reply

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the object with its acts above and its panels below."""
        row = kwargs.get("obj")
        if row is not None:
            context["actions_detail"] = self.buttons(request, row)
            context["name"] = self.name_of(row)
            context["state"] = columns.state(row) if isinstance(row, Stateful) else ""
            context["note"] = self.note_on(request, row)
            context["groups"] = [
                (heading, [(columns.heading_of(show), show(row)) for show in shown]) for heading, shown in self.facts
            ]
            context["panels"] = [*tables_for(request, row), *self._trail(request, row)]
        return super().render_change_form(request, context, *args, **kwargs)

    def note_on(self, request: HttpRequest, row: Any) -> str:
        """Return what the person who looks should know above an object's facts; mostly nothing."""
        return ""

    def watched(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return the rows that the first page counts for the person."""
        rows: models.QuerySet[Any] = self.model._default_manager.all()
        return rows

    def badge(self, request: HttpRequest) -> int:
        """Return how much waits for the person here, for the sidebar; it is asked on each page."""
        return 0

    def trail_of(self, row: Any) -> models.QuerySet[AuditEvent]:
        """Return what the record tells of an object."""
        return AuditEvent.objects.filter(target=target_of(row))

    def _trail(self, request: HttpRequest, row: models.Model) -> list[Table]:
        if self.model is AuditEvent or not may_view(request, AuditEvent):
            return []
        events = self.trail_of(row)
        shown = list(events[: MOST + 1])
        cells = [[column(event) for column in TRAIL] for event in shown[:MOST]]
        headers = [columns.heading_of(column) for column in TRAIL]
        more = self._history_address(row) if len(shown) > MOST else ""
        count = len(shown) if not more else events.order_by().count()
        return [Table("Record", headers, cells, count, more)]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponseRedirect:
        """Lead to the record of the object."""
        row = self.get_object(request, object_id)
        if not may_view(request, AuditEvent) or not self.has_view_permission(request, row):
            raise PermissionDenied
        if row is None:
            return redirect(reverse("admin:index"))
        return redirect(self._history_address(row))

    def _history_address(self, row: models.Model) -> str:
        return f"{reverse('admin:audit_auditevent_changelist')}?target={target_of(row)}"


def _what(event: AuditEvent) -> str:
    """Return the verb; for a change of state also from where to where, and why."""
    data = event.data
    if "from" not in data or "to" not in data:
        return event.verb
    why = f" ({data['reason']})" if data.get("reason") else ""
    return f"{event.verb}: {data['from']} → {data['to']}{why}"


TRAIL = (
    columns.column("When", lambda event: columns.instant(event.at)),
    columns.column("Who", lambda event: event.actor_label),
    columns.column("What", _what),
    columns.column("Request", lambda event: columns.coded(event.request_id)),
)
TRAIL_WITH_TARGET = (*TRAIL[:2], TRAIL[2], columns.target("target", "On"))
