"""Contracts of a project: those that were sent, with their lines, and the document."""

from functools import partial

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.queries import read_query, refuse_query
from portal.api.replies import object_reply
from portal.api.schema import PDF, Doc, list_doc, reads
from portal.api.serializers.contracts import ContractOut, ContractsQuery
from portal.api.views.public import AnyAccept
from portal.api.views.tenant import TenantView
from portal.contracts.models import Document
from portal.contracts.selectors import contract_of, contracts_of, document_of
from portal.core.errors import NotFound
from portal.tenancy.roles import Verb

TAG = "Contracts"


class ContractsView(TenantView):
    """All contracts of the project."""

    @reads(
        list_doc(
            "list_contracts",
            TAG,
            "List contracts",
            ContractOut,
            ContractsQuery,
            "Newest first. They are made by sales, and signed in the portal by a person.",
        )
    )
    def get(self, request: Request) -> Response:
        """List contracts, newest first."""
        query = read_query(ContractsQuery, request)
        rows = contracts_of(self.scope_for(Verb.VIEW))
        if "state" in query:
            rows = rows.filter(state__in=query["state"])
        return page_reply(rows, query, partial(documents, ContractOut))


class ContractView(TenantView):
    """One contract."""

    @reads(Doc("get_contract", TAG, "Look at a contract", ContractOut, refuses=[NotFound], has_etag=True))
    def get(self, request: Request, contract_id: str) -> HttpResponse:
        """Show a contract with its lines."""
        found = contract_of(self.scope_for(Verb.VIEW), contract_id)
        refuse_query(request)
        return object_reply(request, ContractOut(found).data)


class ContractPaperView(TenantView):
    """The document of one contract."""

    content_negotiation_class = AnyAccept

    @reads(
        Doc(
            "get_contract_pdf",
            TAG,
            "Download a contract as PDF",
            None,
            "As it was sent; its SHA-256 is `document_sha256` of the contract.",
            refuses=[NotFound],
            media=(PDF,),
        )
    )
    def get(self, request: Request, contract_id: str) -> HttpResponse:
        """Give the document."""
        found = document_of(contract_of(self.scope_for(Verb.VIEW), contract_id), Document.Kind.SENT)
        refuse_query(request)
        return HttpResponse(bytes(found.content), content_type=PDF)
