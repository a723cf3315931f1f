"""What is meant to be spent in a month."""

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.preconditions import require_match
from portal.api.queries import PageQuery, WriteQuery, read_query, refuse_query
from portal.api.replies import object_reply
from portal.api.schema import Doc, list_doc, reads, writes
from portal.api.serializers.budgets import BudgetIn, BudgetOut, WrittenBudgetOut, document_of
from portal.api.views.tenant import TenantView
from portal.api.writing import Effect, carry_out
from portal.core.errors import NotFound
from portal.quotas.selectors import budget_of, budgets_seen_by
from portal.quotas.services.budgets import remove_budget, set_budget
from portal.reservations.budget_check import budget_use
from portal.tenancy.roles import Verb

TAG = "Billing"
NO_CONTENT = 204
LIST_TEXT = "That of the organization and that of the token's project, where there are any."
SET_TEXT = """
What is booked for a calendar month (UTC) counts, at the agreed prices, before credits and tax. Owners, admins and
billing get a mail at each of the percents, once a month. With `stops` reservations, extensions, more servers and holds
that would go beyond it are refused with `budget_exceeded`; what is booked already stays, and capacity of a contract
counts but is not refused.

    curl -X PUT "$URL/api/v1/budgets" -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
      -d '{"amount": "150000.00", "warn_at": [50, 80, 100], "stops": true}'
"""


class BudgetsView(TenantView):
    """Budgets."""

    http_method_names = ["get", "head", "put"]

    @reads(list_doc("list_budgets", TAG, "List budgets and what is booked", BudgetOut, PageQuery, LIST_TEXT))
    def get(self, request: Request) -> Response:
        """List budgets."""
        scope = self.scope_for(Verb.VIEW_BILLING)
        query = read_query(PageQuery, request)
        return page_reply(budgets_seen_by(scope), query, lambda rows: documents(BudgetOut, budget_use(rows)))

    @writes(Doc("set_budget", TAG, "Set a budget", WrittenBudgetOut, SET_TEXT, query=WriteQuery, body=BudgetIn))
    def put(self, request: Request) -> HttpResponse:
        """Set one."""
        scope = self.scope_for(Verb.MANAGE_BUDGETS)

        def work() -> Effect:
            given = BudgetIn(data=request.data)
            given.is_valid(raise_exception=True)
            return Effect(document_of(set_budget(scope=scope, actor=scope.actor, **given.validated_data)))

        return carry_out(request, work)


class BudgetView(TenantView):
    """One budget."""

    @reads(Doc("get_budget", TAG, "Look at a budget", BudgetOut, refuses=[NotFound], has_etag=True))
    def get(self, request: Request, budget_id: str) -> HttpResponse:
        """Show a budget."""
        scope = self.scope_for(Verb.VIEW_BILLING)
        refuse_query(request)
        return object_reply(request, document_of(budget_of(scope, budget_id)))

    @writes(
        Doc(
            "remove_budget",
            TAG,
            "Take a budget away",
            WrittenBudgetOut,
            "Nothing is refused for it any more.",
            query=WriteQuery,
            status=NO_CONTENT,
            refuses=[NotFound],
            has_etag=True,
        ),
        has_body=False,
    )
    def delete(self, request: Request, budget_id: str) -> HttpResponse:
        """Take one away."""
        scope = self.scope_for(Verb.MANAGE_BUDGETS)

        def work() -> Effect:
            budget = budget_of(scope, budget_id)
            document = document_of(budget)
            require_match(request, budget, lambda: document_of(budget_of(scope, budget_id)))
            remove_budget(scope=scope, actor=scope.actor, budget=budget)
            return Effect(document, status=NO_CONTENT)

        return carry_out(request, work)
