"""The papers of a contract: as it would be sent, as it was sent, as it came back."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from portal.contracts.contract_pdf import pdf_of
from portal.contracts.models import Contract, Document
from portal.contracts.paperwork import facts_of
from portal.contracts.selectors import document_of
from portal.core.errors import NotFound


def pdf_reply(content: bytes, name: str) -> HttpResponse:
    """Return a PDF that the browser shows."""
    reply = HttpResponse(content, content_type="application/pdf")
    reply.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return reply


class Papers:
    """The part of the contracts' pages that shows papers."""

    has_view_permission: Any

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the document as it stands now; what was not sent is marked as a draft."""
        contract = self._contract(request, pk)
        return pdf_reply(pdf_of(facts_of(contract)), f"{contract.number}-v{contract.version}.pdf")

    def document_view(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        """Return a kept document."""
        contract = self._contract(request, pk)
        try:
            document = document_of(contract, Document.Kind(kind))
        except (NotFound, ValueError):
            raise Http404 from None
        return pdf_reply(bytes(document.content), document.name)

    def _contract(self, request: HttpRequest, pk: int) -> Contract:
        contract = Contract.objects.filter(pk=pk).first()
        if contract is None:
            raise Http404
        if not self.has_view_permission(request, contract):
            raise PermissionDenied
        return contract
