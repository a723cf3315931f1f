"""What was posted to a webhook: pings, the log, and sending again."""

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.queries import PageQuery, WriteQuery, read_query
from portal.api.schema import Doc, list_doc, reads, writes
from portal.api.serializers.webhooks import DeliveryOut, WrittenDeliveryOut
from portal.api.views.tenant import TenantView
from portal.api.views.webhooks import TAG
from portal.api.writing import Effect, carry_out, refuse_body
from portal.core.errors import NotFound, StateConflict
from portal.tenancy.roles import Verb
from portal.webhooks.selectors import endpoint_of, message_of, messages_of
from portal.webhooks.services.announcing import ping, resend


class PingView(TenantView):
    """Trying a webhook out."""

    http_method_names = ["post"]

    @writes(
        Doc(
            "ping_webhook",
            TAG,
            "Send a ping",
            WrittenDeliveryOut,
            "A message of type `webhook.ping` is sent within seconds; `deliveries` shows what came of it.",
            query=WriteQuery,
            status=201,
            refuses=[NotFound, StateConflict],
        ),
        has_body=False,
    )
    def post(self, request: Request, webhook_id: str) -> HttpResponse:
        """Have a ping sent."""
        scope = self.scope_for(Verb.MANAGE_WEBHOOKS)

        def work() -> Effect:
            refuse_body(request)
            sent = ping(scope=scope, actor=scope.actor, endpoint=endpoint_of(scope, webhook_id))
            return Effect(DeliveryOut(sent).data, status=201)

        return carry_out(request, work)


class DeliveriesView(TenantView):
    """The log of a webhook."""

    http_method_names = ["get", "head"]

    @reads(
        list_doc(
            "list_webhook_deliveries",
            TAG,
            "List what a webhook was told",
            DeliveryOut,
            PageQuery,
            "The latest first, with every try. What is over is kept for 30 days.",
            refuses=[NotFound],
        )
    )
    def get(self, request: Request, webhook_id: str) -> Response:
        """List it."""
        scope = self.scope_for(Verb.MANAGE_WEBHOOKS)
        query = read_query(PageQuery, request)
        rows = messages_of(scope, endpoint_of(scope, webhook_id))
        return page_reply(rows, query, lambda found: documents(DeliveryOut, found))


class ResendView(TenantView):
    """Sending something again."""

    http_method_names = ["post"]

    @writes(
        Doc(
            "resend_webhook_delivery",
            TAG,
            "Send a delivery again",
            WrittenDeliveryOut,
            "It is sent now with the same `webhook-id`, and then as often as a fresh one.",
            query=WriteQuery,
            refuses=[NotFound, StateConflict],
        ),
        has_body=False,
    )
    def post(self, request: Request, webhook_id: str, delivery_id: str) -> HttpResponse:
        """Have it sent again."""
        scope = self.scope_for(Verb.MANAGE_WEBHOOKS)

        def work() -> Effect:
            refuse_body(request)
            message = message_of(scope, endpoint_of(scope, webhook_id), delivery_id)
            return Effect(DeliveryOut(resend(scope=scope, actor=scope.actor, message=message)).data)

        return carry_out(request, work)
