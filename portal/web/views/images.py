"""OS images: which there are, and a project's own."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from portal.catalog.selectors import images as images_for
from portal.catalog.selectors import imports_of, own_image_of
from portal.catalog.services.images import request_import, withdraw_own
from portal.core.errors import ImageLimitReached, InvalidInput, StateConflict
from portal.core.refusals import show_refusal
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.forms.images import ImportForm
from portal.web.pages import tenant_page

INVALID = 422
PAGE_LENGTH = 20


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def images(request: HttpRequest, scope: Scope) -> HttpResponse:
    """List the images and what becomes of the project's own, and import one."""
    form = ImportForm(request.POST or None)
    if request.method == "POST":
        scope.require(Verb.MANAGE_IMAGES)
        if form.is_valid():
            try:
                made = request_import(scope=scope, actor=scope.actor, **form.cleaned_data)
            except InvalidInput as error:
                show_refusal(form, error)
            except ImageLimitReached as error:
                form.add_error(None, error.detail)
            else:
                messages.success(request, f"{made.name} will be fetched and checked. This page says what became of it.")
                return redirect("web:images")
    context = {
        "form": form,
        "images": images_for(scope.project),
        "page": Paginator(imports_of(scope), PAGE_LENGTH).get_page(request.GET.get("page")),
        "may_manage": scope.may(Verb.MANAGE_IMAGES),
    }
    return render(request, "web/pages/images.html", context, status=INVALID if form.is_bound else 200)


@tenant_page
@require_POST
def withdraw(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Take an own image out of the catalogue."""
    image = own_image_of(scope, public_id)
    try:
        withdraw_own(scope=scope, actor=scope.actor, image=image)
    except StateConflict:
        messages.error(request, f"{image.name} is withdrawn already.")
    else:
        messages.success(request, f"{image.name} is withdrawn. Reservations that already chose it keep it.")
    return redirect("web:images")
