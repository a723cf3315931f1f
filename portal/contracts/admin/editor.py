"""The page on which a contract is written: head, lines, and beside them what it comes to."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from portal.audit.staff.acting import actor_of
from portal.audit.staff.columns import page_of
from portal.contracts.admin.head_form import HeadForm
from portal.contracts.admin.line_form import LineForm, LineFormSet, initial_rows, show_on_rows, written_rows
from portal.contracts.admin.sums import sums_of
from portal.contracts.models import Contract
from portal.contracts.needs import lines_of
from portal.contracts.services.drafting import draft_contract, rewrite_contract, set_lines
from portal.contracts.states import ContractState
from portal.core.errors import DomainError, InvalidInput
from portal.core.periods import Period
from portal.core.repeating import repeated

ADD, CHANGE = "contracts.add_contract", "contracts.change_contract"
PREFIX = "lines"


class Editor:
    """The part of the contracts' pages that writes drafts."""

    admin_site: Any
    model: Any

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """Write a new contract."""
        return self._write(request, None)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write a draft anew."""
        contract = Contract.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        if contract is None:
            raise Http404
        if contract.state != ContractState.DRAFT:
            messages.error(request, f"{contract} is {contract.state}: it is not edited any more.")
            return redirect(page_of(contract))
        return self._write(request, contract)

    def sums_view(self, request: HttpRequest) -> HttpResponse:
        """Return the parts of the page that follow from what the form holds now."""
        _require(request)
        given = request.GET.get("contract", "")
        # A later version does not send the fields that the one before has decided on.
        contract = Contract.objects.filter(pk=given).first() if given.isdecimal() else None
        head, lines = _forms(contract, request.POST)
        return TemplateResponse(request, "admin/contracts/sums.html", {"sums": sums_of(head, lines)})

    def _write(self, request: HttpRequest, contract: Contract | None) -> HttpResponse:
        _require(request)
        if request.method == "POST":
            head, lines = _forms(contract, request.POST)
            saved = _save(request, contract, head, lines)
            if saved is not None:
                messages.success(request, f"{saved} is saved.")
                return redirect(page_of(saved))
            return self._editor_page(request, contract, head, lines, status=422)
        head, lines = _forms(contract)
        return self._editor_page(request, contract, head, lines)

    def _editor_page(
        self, request: HttpRequest, contract: Contract | None, head: HeadForm, lines: Any, status: int = 200
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "original": contract,
            "title": f"Edit {contract}" if contract else "New contract",
            "head": head,
            "lines": lines,
            "sums_at": f"{reverse('admin:contracts_contract_sums')}?contract={contract.pk if contract else ''}",
            "sums": sums_of(head, lines) if head.is_bound else None,
            "back": page_of(contract) if contract else reverse("admin:contracts_contract_changelist"),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/contracts/editor.html", context, status=status)


def _forms(contract: Contract | None, said: Any = None) -> tuple[HeadForm, Any]:
    """Return the forms of head and lines: as they were sent, as the contract is, or empty."""
    # What may not be changed has its value from the contract, also when the form is sent.
    head = HeadForm(said, row=contract, initial=HeadForm.initial_of(contract) if contract else None)
    rows = initial_rows(contract, lines_of(contract)) if contract and said is None else None
    return head, LineFormSet(said, prefix=PREFIX, initial=rows, form_kwargs={"row": contract})


def _require(request: HttpRequest) -> None:
    if not (request.user.has_perm(ADD) and request.user.has_perm(CHANGE)):
        raise PermissionDenied


def _save(request: HttpRequest, contract: Contract | None, head: HeadForm, lines: Any) -> Contract | None:
    """Write everything, or nothing and say on the fields what is wrong."""
    are_valid = lines.is_valid()
    if not head.is_valid() or not are_valid:
        return None
    wish, rows = head.wish(), written_rows(lines)
    if wish.ends_at <= wish.starts_at:
        head.add_error("ends_at", "The term must end after it starts.")
        return None
    found = [(row, line) for row in rows for line in row.wishes(Period(wish.starts_at, wish.ends_at))]
    if any(row.errors for row in rows):
        return None

    @transaction.atomic
    def write() -> Contract:
        actor, wishes = actor_of(request), [line for _, line in found]
        if contract is not None:
            return rewrite_contract(actor=actor, contract=contract, wish=wish, lines=wishes)
        made = draft_contract(actor=actor, wish=wish)
        set_lines(actor=actor, contract=made, lines=wishes)
        return made

    try:
        return repeated(write)
    except DomainError as error:
        _show(head, [row for row, _ in found], error)
        return None


def _show(head: HeadForm, rows: list[LineForm], error: DomainError) -> None:
    if isinstance(error, InvalidInput):
        show_on_rows(head, rows, error.errors)
    else:
        head.add_error(None, error.detail)
