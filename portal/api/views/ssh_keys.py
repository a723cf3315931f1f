"""SSH keys of the project."""

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
from portal.api.serializers.account import SSHKeyIn, SSHKeyOut, WrittenSSHKeyOut
from portal.api.views.tenant import TenantView
from portal.api.writing import Effect, carry_out
from portal.core.errors import NotFound
from portal.tenancy.roles import Verb
from portal.tenancy.selectors import ssh_key_of, ssh_keys_of
from portal.tenancy.services import add_ssh_key, remove_ssh_key

TAG = "SSH keys"
CREATE_TEXT = """
    curl -X POST "$URL/api/v1/ssh-keys" -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
      -d "{\\"public_key\\": \\"$(cat ~/.ssh/id_ed25519.pub)\\"}"
"""


class SSHKeysView(TenantView):
    """All keys of the project."""

    @reads(list_doc("list_ssh_keys", TAG, "List SSH keys", SSHKeyOut, PageQuery))
    def get(self, request: Request) -> Response:
        """List the keys by name."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(PageQuery, request)
        return page_reply(ssh_keys_of(scope), query, lambda rows: documents(SSHKeyOut, rows))

    @writes(
        Doc(
            "add_ssh_key",
            TAG,
            "Add an SSH key",
            WrittenSSHKeyOut,
            CREATE_TEXT,
            query=WriteQuery,
            body=SSHKeyIn,
            status=201,
        )
    )
    def post(self, request: Request) -> HttpResponse:
        """Add a key."""
        scope = self.scope_for(Verb.MANAGE_KEYS)

        def work() -> Effect:
            given = SSHKeyIn(data=request.data)
            given.is_valid(raise_exception=True)
            key = add_ssh_key(scope=scope, actor=scope.actor, **given.validated_data)
            return Effect(SSHKeyOut(key).data, status=201, location=reverse("api:ssh-key", args=[key.public_id]))

        return carry_out(request, work)


class SSHKeyView(TenantView):
    """One key."""

    @reads(Doc("get_ssh_key", TAG, "Look at an SSH key", SSHKeyOut, refuses=[NotFound], has_etag=True))
    def get(self, request: Request, key_id: str) -> HttpResponse:
        """Show a key."""
        scope = self.scope_for(Verb.VIEW)
        refuse_query(request)
        return object_reply(request, SSHKeyOut(ssh_key_of(scope, key_id)).data)

    @writes(
        Doc(
            "delete_ssh_key",
            TAG,
            "Delete an SSH key",
            WrittenSSHKeyOut,
            "Servers that carry it already keep it.",
            query=WriteQuery,
            status=NO_CONTENT,
            refuses=[NotFound],
            has_etag=True,
        ),
        has_body=False,
    )
    def delete(self, request: Request, key_id: str) -> HttpResponse:
        """Forget a key."""
        scope = self.scope_for(Verb.MANAGE_KEYS)

        def work() -> Effect:
            key = ssh_key_of(scope, key_id)
            document = SSHKeyOut(key).data
            require_match(request, key, lambda: SSHKeyOut(ssh_key_of(scope, key_id)).data)
            remove_ssh_key(scope=scope, actor=scope.actor, key=key)
            return Effect(document, status=NO_CONTENT)

        return carry_out(request, work)
