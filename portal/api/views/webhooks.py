"""Webhooks: where what happens is posted to, and what was."""

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.preconditions import require_match
from portal.api.queries import PageQuery, WriteQuery, read_query, refuse_query
from portal.api.replies import NO_CONTENT, object_reply
from portal.api.schema import Doc, list_doc, reads, writes
from portal.api.serializers.webhooks import (
    SecretWebhookOut,
    WebhookChangeIn,
    WebhookIn,
    WebhookOut,
    WrittenWebhookOut,
    with_secret,
)
from portal.api.views.tenant import TenantView
from portal.api.writing import Effect, carry_out, refuse_body
from portal.core.errors import NotFound, StateConflict
from portal.tenancy.roles import Verb
from portal.webhooks.selectors import endpoint_of, endpoints_of
from portal.webhooks.services.endpoints import add_endpoint, change_endpoint, remove_endpoint, rotate_secret

TAG = "Webhooks"
CREATE_TEXT = """
What happens is posted as JSON with `type`, `timestamp` and `data`, signed after
[Standard Webhooks](https://www.standardwebhooks.com): headers `webhook-id`, `webhook-timestamp` and
`webhook-signature`, which its libraries verify with the secret. Answer with any 2xx within 15 seconds; redirects are
not followed. Without such an answer it is sent again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h,
each time with the same `webhook-id`: drop what you have had already. The order is not kept. An answer of 410 disables
the webhook.

    curl -X POST "$URL/api/v1/webhooks" -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
      -d '{"url": "https://example.com/hooks/metalyard", "event_types": ["reservation.active", "incident.opened"]}'
"""
ROTATE_TEXT = """
The reply has a fresh secret, shown this once. For 24 hours every message carries two signatures, also that of the
secret before: whichever the receiver knows, it accepts. After that only the fresh one signs.
"""


class WebhooksView(TenantView):
    """All webhooks of the project."""

    @reads(list_doc("list_webhooks", TAG, "List webhooks", WebhookOut, PageQuery))
    def get(self, request: Request) -> Response:
        """List the webhooks, the newest first."""
        scope = self.scope_for(Verb.MANAGE_WEBHOOKS)
        query = read_query(PageQuery, request)
        return page_reply(endpoints_of(scope), query, lambda rows: documents(WebhookOut, rows))

    @writes(
        Doc(
            "add_webhook",
            TAG,
            "Add a webhook",
            SecretWebhookOut,
            CREATE_TEXT,
            query=WriteQuery,
            body=WebhookIn,
            status=201,
            refuses=[StateConflict],
        )
    )
    def post(self, request: Request) -> HttpResponse:
        """Add one."""
        scope = self.scope_for(Verb.MANAGE_WEBHOOKS)

        def work() -> Effect:
            given = WebhookIn(data=request.data)
            given.is_valid(raise_exception=True)
            made, secret = add_endpoint(scope=scope, actor=scope.actor, **given.validated_data)
            where = reverse("api:webhook", args=[made.public_id])
            return Effect(with_secret(made, secret), status=201, location=where, is_secret=True)

        return carry_out(request, work)


class WebhookView(TenantView):
    """One webhook."""

    http_method_names = ["get", "head", "patch", "delete"]

    @reads(Doc("get_webhook", TAG, "Look at a webhook", WebhookOut, refuses=[NotFound], has_etag=True))
    def get(self, request: Request, webhook_id: str) -> HttpResponse:
        """Show one."""
        scope = self.scope_for(Verb.MANAGE_WEBHOOKS)
        refuse_query(request)
        return object_reply(request, WebhookOut(endpoint_of(scope, webhook_id)).data)

    @writes(
        Doc(
            "change_webhook",
            TAG,
            "Change a webhook, enable or disable it",
            WrittenWebhookOut,
            query=WriteQuery,
            body=WebhookChangeIn,
            refuses=[NotFound],
            has_etag=True,
        )
    )
    def patch(self, request: Request, webhook_id: str) -> HttpResponse:
        """Change one."""
        scope = self.scope_for(Verb.MANAGE_WEBHOOKS)

        def work() -> Effect:
            given = WebhookChangeIn(data=request.data)
            given.is_valid(raise_exception=True)
            endpoint = endpoint_of(scope, webhook_id)
            require_match(request, endpoint, lambda: WebhookOut(endpoint_of(scope, webhook_id)).data)
            changed = change_endpoint(scope=scope, actor=scope.actor, endpoint=endpoint, **given.validated_data)
            return Effect(WebhookOut(changed).data)

        return carry_out(request, work)

    @writes(
        Doc(
            "remove_webhook",
            TAG,
            "Remove a webhook",
            WrittenWebhookOut,
            "What it was told is forgotten with it.",
            query=WriteQuery,
            status=NO_CONTENT,
            refuses=[NotFound],
            has_etag=True,
        ),
        has_body=False,
    )
    def delete(self, request: Request, webhook_id: str) -> HttpResponse:
        """Forget one."""
        scope = self.scope_for(Verb.MANAGE_WEBHOOKS)

        def work() -> Effect:
            endpoint = endpoint_of(scope, webhook_id)
            document = WebhookOut(endpoint).data
            require_match(request, endpoint, lambda: WebhookOut(endpoint_of(scope, webhook_id)).data)
            remove_endpoint(scope=scope, actor=scope.actor, endpoint=endpoint)
            return Effect(document, status=NO_CONTENT)

        return carry_out(request, work)


class RotateView(TenantView):
    """Giving a webhook a fresh secret."""

    http_method_names = ["post"]

    @writes(
        Doc(
            "rotate_webhook_secret",
            TAG,
            "Rotate the secret",
            SecretWebhookOut,
            ROTATE_TEXT,
            query=WriteQuery,
            refuses=[NotFound],
        ),
        has_body=False,
    )
    def post(self, request: Request, webhook_id: str) -> HttpResponse:
        """Rotate it."""
        scope = self.scope_for(Verb.MANAGE_WEBHOOKS)

        def work() -> Effect:
            refuse_body(request)
            endpoint = endpoint_of(scope, webhook_id)
            fresh, secret = rotate_secret(scope=scope, actor=scope.actor, endpoint=endpoint)
            return Effect(with_secret(fresh, secret), is_secret=True)

        return carry_out(request, work)
