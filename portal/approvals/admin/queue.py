"""The queue of what takes two people, and its history."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import Case, F, IntegerField, QuerySet, Value, When
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from portal.approvals.admin.shown import ASKED_BY, DECIDED_BY, ORGANIZATION, SIZE, SUBJECT, WAITED, WHAT
from portal.approvals.kinds import all_kinds, find_kind
from portal.approvals.models import Approval
from portal.approvals.permissions import why_not
from portal.approvals.selectors import seen_by, waiting_for
from portal.approvals.states import ApprovalState
from portal.audit.staff import columns, filters, watch
from portal.audit.staff.acts import Act
from portal.audit.staff.pages import RecordAdmin
from portal.tenancy.models import User

TAKES_BACK = "withdraw"
IS_OVER = Case(When(state=ApprovalState.PENDING, then=Value(0)), default=Value(1), output_field=IntegerField())
KindFilter = filters.choice("kind", "what", lambda: [(kind.name, kind.title) for kind in all_kinds()])


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)


@admin.register(Approval)
class ApprovalAdmin(RecordAdmin):
    """What one person asked for and another decides: of the kinds that whoever looks decides on, or asked for."""

    list_display = (
        WHAT,
        columns.state,
        ORGANIZATION,
        SIZE,
        ASKED_BY,
        WAITED,
        columns.deadline,
        DECIDED_BY,
    )
    list_filter = (
        filters.StateFilter,
        KindFilter,
        ("organization", AutocompleteSelectFilter),
        filters.OverdueFilter,
    )
    list_select_related = ("organization", "decided_by")
    search_fields = ("public_id", "subject", "organization__name", "requester_label", "reason", "comment")
    search_help_text = "Id, what it is about, organization, who asked or why"
    ordering = (IS_OVER.asc(), F("state_deadline_at").asc(nulls_last=True), "-pk")
    watch = (watch.in_state("Approvals that wait", ApprovalState.PENDING, "warn"),)
    facts = (
        ("State", columns.life),
        ("What is to be done", (WHAT, SUBJECT, ORGANIZATION, SIZE, columns.data("data", "In full"))),
        (
            "Who asked",
            (
                ASKED_BY,
                columns.field("reason", "Why"),
                columns.moment("created_at", "Asked"),
                WAITED,
                columns.code("public_id", "Id"),
            ),
        ),
        ("Who decided", (DECIDED_BY, columns.moment("decided_at", "Decided"), columns.field("comment", "Comment"))),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Keep to what the person decides on or asked for."""
        return super().get_queryset(request).filter(seen_by(_person(request)))

    def watched(self, request: HttpRequest) -> QuerySet[Any]:
        """Count what the list shows."""
        return super().watched(request).filter(seen_by(_person(request)))

    def badge(self, request: HttpRequest) -> int:
        """Count what the person could decide on now."""
        return waiting_for(_person(request)).count()

    def is_offered(self, request: HttpRequest, act: Act, row: Any) -> bool:
        """Offer to take it back to who asked, and to decide to those who may."""
        if not super().is_offered(request, act, row):
            return False
        if act.name == TAKES_BACK:
            return bool(row.requester_id == _person(request).public_id)
        return not self.note_on(request, row)

    def note_on(self, request: HttpRequest, row: Any) -> str:
        """Say why the person may not decide on what waits."""
        if row.state != ApprovalState.PENDING:
            return ""
        return why_not(_person(request), row) if find_kind(row.kind) else "Nobody can decide: there is no such kind."
