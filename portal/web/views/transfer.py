"""Giving a reservation to another project of the organization."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from portal.core.errors import DomainError, Forbidden, NotFound
from portal.core.refusals import show_refusal
from portal.reservations.selectors import reservation_of
from portal.reservations.services.transfer import STATES
from portal.reservations.services.transfer import transfer as give
from portal.tenancy.models import Project, User
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import projects_of
from portal.web.forms.changes import ProjectForm
from portal.web.pages import tenant_page

INVALID = 422
FIELDS = {"project": "to"}
"""What the service calls a field, and what the form calls it."""


def targets(request: HttpRequest, scope: Scope) -> list[Project]:
    """Return the other projects of the organization."""
    others = projects_of(cast(User, request.user)).filter(organization=scope.organization)
    return list(others.exclude(pk=scope.project.pk))


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def transfer(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Ask to which project, and hand the reservation over."""
    found = reservation_of(scope, public_id)
    scope.require(Verb.RESERVE)
    if found.state not in STATES:
        messages.error(request, f"{found.name} is {found.state}; it can no longer change its project.")
        return redirect("web:reservation", found.public_id)
    form = ProjectForm(request.POST or None, projects=targets(request, scope))
    status = INVALID if form.is_bound else 200
    if form.is_bound and form.is_valid():
        to = form.projects[form.cleaned_data["to"]]
        try:
            give(scope=scope, actor=scope.actor, reservation=found, to=to)
        except (Forbidden, NotFound):
            raise
        except DomainError as error:
            show_refusal(form, error, FIELDS)
            status = error.status
        else:
            messages.success(request, f"{found.name} is in {to.name} now.")
            return redirect("web:reservations")
    return render(request, "web/pages/transfer.html", {"reservation": found, "form": form}, status=status)
