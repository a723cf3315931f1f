"""Changes to reservations: another end, more servers, another project. A rehearsal tells what they cost."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from portal.api.preconditions import require_match
from portal.api.queries import WriteQuery
from portal.api.schema import Doc, writes
from portal.api.serializers.changes import EndIn, MoreIn, ProjectIn
from portal.api.serializers.reservations import WrittenReservationOut, reservation_documents
from portal.api.views.reservations import TAG, document_of
from portal.api.views.tenant import TenantView
from portal.api.writing import Effect, carry_out
from portal.core.errors import (
    ApprovalRequired,
    BudgetExceeded,
    DomainError,
    ExtensionBlocked,
    InsufficientCapacity,
    NoPrice,
    NotFound,
    QuotaExceeded,
    StateConflict,
)
from portal.reservations.models import Reservation
from portal.reservations.selectors import reservation_of
from portal.reservations.services.enlarge import add_servers
from portal.reservations.services.extend import extend
from portal.reservations.services.shorten import shorten
from portal.reservations.services.transfer import transfer
from portal.tenancy.roles import Verb

CURL = """
    curl -X POST "$URL/api/v1/reservations/$RESERVATION/{action}" -H "Authorization: Bearer $TOKEN" \\
      -H "Content-Type: application/json" -H "Idempotency-Key: $(uuidgen)" -d '{body}'
"""
EXTEND_TEXT = """
The same id and the same servers, at the list price of now for the added time, which becomes a line of its own. With
`dry_run=true` the reply shows the price beforehand. Where somebody else has one of the servers after the present end,
`extension_blocked` carries `latest_end`, `blocked_servers` and `blocked_from`.
""" + CURL.format(action="extend", body='{"ends_at": "2030-02-15T12:00:00Z"}')
SHORTEN_TEXT = """
The servers are free for others from the new end on. What the time that is given back costs follows from the terms in
`cancellation`, by how long before it you ask; with `dry_run=true` the reply shows the price beforehand.
""" + CURL.format(action="shorten", body='{"ends_at": "2030-01-25T12:00:00Z"}')
ADD_TEXT = """
Until the reservation's end, in the same fabric where that was promised, at the list price of now. Host names go on with
the next number; those of an active reservation are prepared at once.
""" + CURL.format(action="add-servers", body='{"count": 2}')
TRANSFER_TEXT = """
To another project of the organization, with its quote, its operations and its servers as they are. Who asks must be
allowed to reserve in both projects. **An API token acts for its own project alone**, so this is refused to it with
`permission_denied`; a member can do it on the reservation's page.
""" + CURL.format(action="transfer", body='{"project": "prj_..."}')


class _ChangeView(TenantView):
    """A way to change a reservation."""

    service: ClassVar[Callable[..., Reservation]]
    body: ClassVar[type[serializers.Serializer[Any]]]
    verb: ClassVar[Verb] = Verb.RESERVE

    def change(self, request: Request, reservation_id: str) -> HttpResponse:
        """Change the reservation by the service, whose arguments are called as the fields of the body are."""
        scope = self.scope_for(self.verb)

        def work() -> Effect:
            found = reservation_of(scope, reservation_id)
            given = self.body(data=request.data, context={"scope": scope})
            given.is_valid(raise_exception=True)
            require_match(request, found, lambda: document_of(scope, reservation_id))
            wish = self.arguments(given.validated_data)
            made = type(self).service(scope=scope, actor=scope.actor, reservation=found, **wish)
            return Effect(reservation_documents([made])[0])

        return carry_out(request, work)

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of the service for the values of a body."""
        return dict(values)


def _doc(
    operation_id: str,
    summary: str,
    text: str,
    body: type[serializers.Serializer[Any]],
    refuses: tuple[type[DomainError], ...] = (),
) -> Doc:
    return Doc(
        operation_id,
        TAG,
        summary,
        WrittenReservationOut,
        text,
        query=WriteQuery,
        body=body,
        refuses=[NotFound, StateConflict, *refuses],
        has_etag=True,
    )


class ExtendView(_ChangeView):
    """A later end."""

    service = extend
    body = EndIn

    @writes(
        _doc(
            "extend_reservation",
            "Extend a reservation",
            EXTEND_TEXT,
            EndIn,
            (ExtensionBlocked, QuotaExceeded, BudgetExceeded, ApprovalRequired, NoPrice),
        )
    )
    def post(self, request: Request, reservation_id: str) -> HttpResponse:
        """Let it end later."""
        return self.change(request, reservation_id)


class ShortenView(_ChangeView):
    """An earlier end."""

    service = shorten
    body = EndIn
    verb = Verb.RELEASE

    @writes(_doc("shorten_reservation", "Shorten a reservation", SHORTEN_TEXT, EndIn))
    def post(self, request: Request, reservation_id: str) -> HttpResponse:
        """Let it end earlier."""
        return self.change(request, reservation_id)


class AddServersView(_ChangeView):
    """More servers."""

    service = add_servers
    body = MoreIn

    @writes(
        _doc(
            "add_servers",
            "Add servers to a reservation",
            ADD_TEXT,
            MoreIn,
            (InsufficientCapacity, QuotaExceeded, BudgetExceeded, ApprovalRequired, NoPrice),
        )
    )
    def post(self, request: Request, reservation_id: str) -> HttpResponse:
        """Add servers."""
        return self.change(request, reservation_id)


class TransferView(_ChangeView):
    """Another project."""

    service = transfer
    body = ProjectIn

    @writes(
        _doc(
            "transfer_reservation",
            "Give a reservation to another project",
            TRANSFER_TEXT,
            ProjectIn,
            (QuotaExceeded, BudgetExceeded),
        )
    )
    def post(self, request: Request, reservation_id: str) -> HttpResponse:
        """Give it away."""
        return self.change(request, reservation_id)

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the project to give it to."""
        return {"to": values["project"]}
