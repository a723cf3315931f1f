"""Operations: how far work on servers is. Made to be polled."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.paging import page_reply
from portal.api.queries import read_query
from portal.api.replies import etag_of, known_etags, object_reply
from portal.api.schema import Doc, list_doc, reads
from portal.api.serializers.events import WaitQuery
from portal.api.serializers.filters import OperationsQuery
from portal.api.serializers.progress import OperationOut, operation_documents
from portal.api.views.tenant import TenantView
from portal.api.waiting import wait_until
from portal.core.errors import NotFound
from portal.operations.selectors import operation_of, operations_of
from portal.operations.states import OPEN_OPERATION
from portal.tenancy.roles import Verb

TAG = "Operations"
WAIT_TEXT = """
With `wait`, the reply comes as soon as the operation differs from what it was when you asked, or from the entity tag
that you send in `If-None-Match`. One that is over is answered at once. These requests do not count against the rate
limit.
"""


class OperationsView(TenantView):
    """Operations of the project."""

    reads_count = False

    @reads(list_doc("list_operations", TAG, "List operations", OperationOut, OperationsQuery, "Newest first."))
    def get(self, request: Request) -> Response:
        """List operations, newest first, or those asked for."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(OperationsQuery, request)
        rows = operations_of(scope)
        if "id" in query:
            rows = rows.filter(public_id__in=query["id"])
        return page_reply(rows, query, operation_documents)


class OperationView(TenantView):
    """One operation."""

    reads_count = False

    @reads(
        Doc(
            "get_operation",
            TAG,
            "Follow an operation",
            OperationOut,
            WAIT_TEXT,
            query=WaitQuery,
            refuses=[NotFound],
            has_etag=True,
        )
    )
    def get(self, request: Request, operation_id: str) -> HttpResponse:
        """Show an operation, after waiting for a change if the client wants."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(WaitQuery, request)

        def look() -> dict[str, Any]:
            return operation_documents([operation_of(scope, operation_id)])[0]

        seen = known_etags(request) or [etag_of(look())]
        latest: list[dict[str, Any]] = []

        def is_news() -> bool:
            latest[:] = [look()]
            return latest[0]["state"] not in OPEN_OPERATION or etag_of(latest[0]) not in seen

        wait_until(is_news, query["wait"])
        return object_reply(request, latest[0])
