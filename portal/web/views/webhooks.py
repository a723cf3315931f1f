"""Webhooks of the project: where events are posted to, and what came of it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.core.errors import InvalidInput, StateConflict
from portal.core.refusals import show_refusal
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.forms.webhooks import WebhookForm
from portal.web.pages import tenant_page
from portal.webhooks.models import Endpoint
from portal.webhooks.selectors import endpoint_of, endpoints_of, message_of, messages_of
from portal.webhooks.services.announcing import ping as send_ping
from portal.webhooks.services.announcing import resend as send_again
from portal.webhooks.services.endpoints import add_endpoint, change_endpoint, remove_endpoint, rotate_secret
from portal.webhooks.states import EndpointState

INVALID = 422
SHOWN = 50
"""Deliveries on the page; the API has all of them."""


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def webhooks(request: HttpRequest, scope: Scope) -> HttpResponse:
    """List the webhooks, and add one."""
    scope.require(Verb.MANAGE_WEBHOOKS)
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made, secret = add_endpoint(scope=scope, actor=scope.actor, **form.cleaned_data)
        except InvalidInput as error:
            show_refusal(form, error)
        except StateConflict as error:
            form.add_error(None, error.detail)
        else:
            return _show_secret(request, made, secret)
    context = {"form": form, "rows": endpoints_of(scope)}
    return render(request, "web/pages/webhooks.html", context, status=INVALID if form.is_bound else 200)


def _show_secret(request: HttpRequest, endpoint: Endpoint, secret: str) -> HttpResponse:
    """Show a secret, this once: it is in no address, cookie or session."""
    return render(request, "web/pages/webhook_secret.html", {"endpoint": endpoint, "secret": secret})


@tenant_page
@require_safe
def webhook(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Show one webhook with what it was told last."""
    endpoint = endpoint_of(scope, public_id)
    context = {"endpoint": endpoint, "told": messages_of(scope, endpoint)[:SHOWN], "most": SHOWN}
    return render(request, "web/pages/webhook.html", context)


@tenant_page
@require_POST
def ping(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Have a ping sent."""
    endpoint = endpoint_of(scope, public_id)
    try:
        send_ping(scope=scope, actor=scope.actor, endpoint=endpoint)
    except StateConflict as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, "A ping is on its way: reload in some seconds to see what came of it.")
    return redirect("web:webhook", public_id)


@tenant_page
@require_POST
def resend(request: HttpRequest, scope: Scope, public_id: str, delivery_id: str) -> HttpResponse:
    """Have something sent again."""
    message = message_of(scope, endpoint_of(scope, public_id), delivery_id)
    try:
        send_again(scope=scope, actor=scope.actor, message=message)
    except StateConflict as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"{message.public_id} is sent again.")
    return redirect("web:webhook", public_id)


@tenant_page
@require_POST
def rotate(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Give a fresh secret and show it."""
    endpoint, secret = rotate_secret(scope=scope, actor=scope.actor, endpoint=endpoint_of(scope, public_id))
    return _show_secret(request, endpoint, secret)


@tenant_page
@require_POST
def switch(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Disable a webhook that is enabled, and the other way round."""
    endpoint = endpoint_of(scope, public_id)
    to = EndpointState.DISABLED if endpoint.is_enabled else EndpointState.ENABLED
    changed = change_endpoint(scope=scope, actor=scope.actor, endpoint=endpoint, state=to)
    messages.success(request, f"The webhook is {changed.state}.")
    return redirect("web:webhook", public_id)


@tenant_page
@require_POST
def remove(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Forget a webhook."""
    endpoint = endpoint_of(scope, public_id)
    remove_endpoint(scope=scope, actor=scope.actor, endpoint=endpoint)
    messages.success(request, "The webhook is removed.")
    return redirect("web:webhooks")
