"""Paying online: the way to the payment provider, and its messages."""

import logging

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from portal.billing.provider import is_configured, read_message
from portal.billing.selectors.invoices import invoice_of
from portal.billing.services.online import PROVIDER, start_payment, take_payment
from portal.core.errors import DomainError, NotFound
from portal.tenancy.scope import Scope
from portal.web.pages import tenant_page

log = logging.getLogger(__name__)
WRONG = 400


@tenant_page
@require_POST
def pay(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Ask for the provider's page and link to it: forms of ours lead to no other site."""
    invoice = invoice_of(scope, public_id)
    context: dict[str, object] = {"invoice": invoice}
    try:
        context["address"] = start_payment(actor=scope.actor, invoice=invoice)
    except DomainError as error:
        context["refusal"] = error.detail
        return render(request, "web/pages/pay.html", context, status=error.status)
    return render(request, "web/pages/pay.html", context)


@csrf_exempt
@require_POST
def stripe_message(request: HttpRequest) -> HttpResponse:
    """Take a message of the provider: 200 for what is recorded or is none of ours, 400 for what it did not sign.

    Whatever else fails is no 200, so that the provider sends it again.
    """
    if not is_configured():
        raise Http404
    try:
        received = read_message(request.body, request.headers.get("Stripe-Signature", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        log.warning("a message to the payment provider's address was refused")
        return HttpResponse(status=WRONG)
    if received is not None:
        try:
            take_payment(actor=PROVIDER, received=received)
        except NotFound:
            log.exception("%s came in for an unknown invoice %s", received.payment, received.reference)
    return HttpResponse(status=200)
