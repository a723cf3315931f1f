"""SSH keys of the project."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from portal.core.errors import InvalidInput
from portal.core.refusals import show_refusal
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import ssh_key_of, ssh_keys_of
from portal.tenancy.services import add_ssh_key, remove_ssh_key
from portal.web.forms.keys import KeyForm
from portal.web.pages import tenant_page

INVALID = 422


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def ssh_keys(request: HttpRequest, scope: Scope) -> HttpResponse:
    """List the keys, and add one."""
    form = KeyForm(request.POST or None)
    if request.method == "POST":
        scope.require(Verb.MANAGE_KEYS)
        if form.is_valid():
            try:
                key = add_ssh_key(scope=scope, actor=scope.actor, **form.cleaned_data)
            except InvalidInput as error:
                show_refusal(form, error)
            else:
                messages.success(request, f"{key.name} is added. It goes onto servers that are reserved from now on.")
                return redirect("web:ssh-keys")
    context = {"form": form, "keys": ssh_keys_of(scope), "may_manage": scope.may(Verb.MANAGE_KEYS)}
    return render(request, "web/pages/ssh_keys.html", context, status=INVALID if form.is_bound else 200)


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Ask once, then forget a key."""
    key = ssh_key_of(scope, public_id)
    scope.require(Verb.MANAGE_KEYS)
    if request.method != "POST":
        return render(request, "web/pages/ssh_key_delete.html", {"key": key})
    remove_ssh_key(scope=scope, actor=scope.actor, key=key)
    messages.success(request, f"{key.name} is deleted. Servers that carry it already keep it.")
    return redirect("web:ssh-keys")
