"""Dashboard, servers and the search box."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from portal.reservations.models import Allocation
from portal.reservations.selectors import reservations_of, servers_of
from portal.reservations.states import LIVE, AllocationState
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import ssh_keys_of
from portal.web.counts import meters_of
from portal.web.endings import rows_of
from portal.web.logins import login_of
from portal.web.pages import tenant_page

SHOWN_METERS = 6
SHOWN_LIVE = 10
FOUND_MAX = 20
PAGE_LENGTH = 50


@tenant_page
@require_safe
def dashboard(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Show the next thing to do, what runs and what comes, and the limits."""
    live = reservations_of(scope).filter(state__in=LIVE).order_by("period", "pk")
    steps = _steps(scope)
    context = {
        "live": rows_of(live[:SHOWN_LIVE]),
        "live_count": live.count(),
        "shown_live": SHOWN_LIVE,
        "steps": steps,
        "is_new": scope.may(Verb.RESERVE) and not all(steps.values()),
        "meters": meters_of(scope)[:SHOWN_METERS],
        "may_reserve": scope.may(Verb.RESERVE),
    }
    return render(request, "web/pages/dashboard.html", context)


def _steps(scope: Scope) -> dict[str, bool]:
    return {
        "has_key": ssh_keys_of(scope).exists(),
        "has_reserved": reservations_of(scope).exists(),
        "has_servers": Allocation.objects.filter(reservation__project=scope.project, ready_at__isnull=False).exists(),
    }


@tenant_page
@require_safe
def servers(request: HttpRequest, scope: Scope) -> HttpResponse:
    """List the servers that the project holds."""
    page = Paginator(servers_of(scope), PAGE_LENGTH).get_page(request.GET.get("page"))
    upcoming = reservations_of(scope).filter(state__in=LIVE).order_by("period").first()
    return render(request, "web/pages/servers.html", {"page": page, "rows": _rows(page), "upcoming": upcoming})


def _rows(allocations: Any) -> list[dict[str, Any]]:
    return [
        {"it": item, "login": login_of(item) if item.state == AllocationState.SERVING else None} for item in allocations
    ]


@tenant_page
@require_safe
def find(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Look for reservations and servers by name or id; a single hit is gone to at once."""
    query = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    found = reservations_of(scope).filter(Q(name__icontains=query) | Q(public_id=query))[:FOUND_MAX] if query else []
    hosts = (
        servers_of(scope).filter(Q(hostname__icontains=query) | Q(server__public_id=query))[:FOUND_MAX] if query else []
    )
    targets = {row.public_id for row in found} | {host.reservation.public_id for host in hosts}
    if len(targets) == 1:
        return redirect("web:reservation", targets.pop())
    return render(request, "web/pages/find.html", {"find_query": query, "found": rows_of(found), "rows": _rows(hosts)})
