"""What was promised and what came of it; incidents and maintenance; and the status that everybody may see."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from portal.core import clock
from portal.core.errors import InvalidInput, StateConflict
from portal.core.months import FIRST_YEAR, month_called, month_of, next_month, previous_month
from portal.sla.definitions import CURRENT
from portal.sla.reporting import reports_of
from portal.sla.selectors import incidents_of, maintenance_of, reservations_in, servers_had_by, turn_of
from portal.sla.services.maintenance import defer_maintenance
from portal.sla.states import MaintenanceState
from portal.sla.status import DAYS, ComponentState, status_now
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.forms.promises import DeferForm
from portal.web.pages import tenant_page
from portal.web.promises import STATUS_TONES, STATUS_WORDS, rows_of

PAGE_LENGTH = 10
INCIDENTS = 10


@tenant_page
@require_safe
def sla(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Show a month: availability, outages and credits; and what is to come."""
    present = month_of(clock.now())
    try:
        month = month_called(request.GET.get("month", "")) if "month" in request.GET else present
    except InvalidInput as error:
        messages.error(request, error.detail)
        month = present
    month = min(month, present)
    page = Paginator(reservations_in(scope, month), PAGE_LENGTH).get_page(request.GET.get("page"))
    own = frozenset(servers_had_by(scope))
    now = clock.now()
    turns = [
        (turn, DeferForm(initial={"starts_at": turn.span.start}, prefix=f"{turn.pk}"))
        for turn in maintenance_of(scope).filter(period__endswith__gt=now, window__state=MaintenanceState.ANNOUNCED)
    ]
    context = {
        "month": month,
        "before": previous_month(month) if month.year > FIRST_YEAR else None,
        "after": next_month(month) if month < present else None,
        "page": page,
        "rows": rows_of(reports_of(page.object_list, month)),
        "incidents": [
            (row, [one.server.name for one in row.touched.all() if one.server_id in own])
            for row in incidents_of(scope)[:INCIDENTS]
        ],
        "turns": turns,
        "may_defer": scope.may(Verb.OPERATE),
        "definition": CURRENT,
        "now": now,
    }
    return render(request, "web/pages/sla.html", context)


@tenant_page
@require_POST
def defer(request: HttpRequest, scope: Scope, window_id: str, server_id: str) -> HttpResponse:
    """Put a server's turn in a maintenance off."""
    turn = turn_of(scope, window_id, server_id)
    scope.require(Verb.OPERATE)
    form = DeferForm(request.POST, prefix=f"{turn.pk}")
    if not form.is_valid():
        messages.error(request, "Write the new start as day and time, such as 2030-01-31 08:00.")
        return redirect("web:sla")
    try:
        made = defer_maintenance(
            scope=scope,
            actor=scope.actor,
            window=turn.window,
            server=turn.server,
            starts_at=form.cleaned_data["starts_at"],
        )
    except (InvalidInput, StateConflict) as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"{turn.window.title} begins at {clock.as_rfc3339(made.span.start)} on this server.")
    return redirect("web:sla")


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Show how everything is, to everybody: nothing of a tenant is on it."""
    found = status_now()
    context = {
        "status": found,
        "tone": STATUS_TONES[found.state],
        "words": STATUS_WORDS[found.state],
        "components": [
            (
                component,
                STATUS_TONES[component.state],
                STATUS_WORDS[component.state],
                [(place * 10, STATUS_TONES[day.state]) for place, day in enumerate(component.days)],
                sum(day.state != ComponentState.OPERATIONAL for day in component.days),
            )
            for component in found.components
        ],
        "days": DAYS,
        "address": f"{settings.METALYARD_PUBLIC_URL}/api/v1/status",
    }
    reply = render(request, "web/pages/status.html", context)
    reply.headers["Cache-Control"] = "public, max-age=15"
    return reply
