"""Contracts: what sales sent, and signing it."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.billing.invoice_pdf import rate_text
from portal.catalog.terms import written
from portal.contracts.models import Contract, Document
from portal.contracts.needs import totals_of
from portal.contracts.paperwork import facts_of
from portal.contracts.selectors import contract_of, contracts_of, document_of, lines_shown
from portal.contracts.services.signing import countersign
from portal.contracts.states import ContractState
from portal.core.errors import InvalidInput, StateConflict
from portal.core.refusals import show_refusal
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.forms.contracts import SignForm
from portal.web.pages import tenant_page

INVALID = 422
PAGE_LENGTH = 20


@tenant_page
@require_safe
def contracts(request: HttpRequest, scope: Scope) -> HttpResponse:
    """List the contracts that were sent to the project."""
    page = Paginator(contracts_of(scope), PAGE_LENGTH).get_page(request.GET.get("page"))
    return render(request, "web/pages/contracts.html", {"page": page})


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def contract(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Show a contract, and let who may commit the organization sign it."""
    found = contract_of(scope, public_id)
    if request.method != "POST":
        digest = document_of(found, Document.Kind.SENT).sha256
        return _page(request, scope, found, SignForm(initial={"sha256": digest}))
    form = SignForm(request.POST)
    if not form.is_valid():
        return _page(request, scope, found, form, INVALID)
    try:
        countersign(
            scope=scope,
            actor=scope.actor,
            contract=found,
            ip=request.META.get("REMOTE_ADDR", ""),
            **form.cleaned_data,
        )
    except (InvalidInput, StateConflict) as error:
        show_refusal(form, error)
        return _page(request, scope, found, form, error.status)
    messages.success(request, f"{found.number} is signed. Sales activate it; your servers are kept until then.")
    return redirect("web:contract", found.public_id)


def _page(request: HttpRequest, scope: Scope, found: Contract, form: SignForm, status: int = 200) -> HttpResponse:
    lines, words = lines_shown(found), facts_of(found)
    context: dict[str, Any] = {
        "contract": found,
        "lines": [(line, rate_text(line.unit_price), written(line.discount)) for line in lines],
        "total": totals_of(found, lines).total,
        "groups": [
            (heading, [{"label": label, "value": value} for label, value in rows])
            for heading, rows in (
                ("Parties and term", words.head),
                ("Money", words.money),
                ("Service levels", words.levels),
                ("Clauses", words.clauses),
            )
            if rows
        ],
        "form": form,
        "may_sign": found.state == ContractState.SENT and scope.may(Verb.APPROVE),
        "waits": found.state == ContractState.SENT,
    }
    return render(request, "web/pages/contract.html", context, status=status)


@tenant_page
@require_safe
def paper(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Give the document as it was sent."""
    found = document_of(contract_of(scope, public_id), Document.Kind.SENT)
    disposition = f'attachment; filename="{found.name}"'
    return HttpResponse(
        bytes(found.content), content_type="application/pdf", headers={"Content-Disposition": disposition}
    )
