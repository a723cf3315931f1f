"""A project's own images: fetched by their address, and withdrawn."""

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.preconditions import require_match
from portal.api.queries import WriteQuery, read_query, refuse_query
from portal.api.replies import object_reply
from portal.api.schema import Doc, list_doc, reads, writes
from portal.api.serializers.catalogue import ImageOut, WrittenImageOut
from portal.api.serializers.imports import ImportIn, ImportOut, ImportsQuery, WrittenImportOut, import_document
from portal.api.views.tenant import TenantView
from portal.api.writing import Effect, carry_out, refuse_body
from portal.catalog.selectors import import_of, imports_of, own_image_of
from portal.catalog.services.images import request_import, withdraw_own
from portal.core.errors import ImageLimitReached, NotFound, StateConflict
from portal.tenancy.roles import Verb

TAG = "Own images"
CREATE_TEXT = """
The file is fetched after a while by a process without rights, over verified https from a public host only, checked
against its digest, and must be a whole disk with a GPT that boots by UEFI and has cloud-init with the data source
NoCloud: raw, or raw and compressed by zstd. Its settings for the first boot go into its partition called `cidata`, or
into one that is added at the end of the drive, for which the GPT needs a free entry. Look at the import until it is
`imported` or `failed`; its `image` may then be reserved with.

    curl -X POST "$URL/api/v1/image-imports" -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
      -d '{"name": "Training base", "url": "https://images.example.com/base.raw.zst", "default_user": "ubuntu",
           "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}'
"""


class ImportsView(TenantView):
    """All imports of the project."""

    @reads(list_doc("list_image_imports", TAG, "List imports of own images", ImportOut, ImportsQuery, "Newest first."))
    def get(self, request: Request) -> Response:
        """List imports, newest first."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(ImportsQuery, request)
        rows = imports_of(scope)
        if "state" in query:
            rows = rows.filter(state__in=query["state"])
        return page_reply(rows, query, lambda found: documents(ImportOut, found))

    @writes(
        Doc(
            "import_image",
            TAG,
            "Import an image of your own",
            WrittenImportOut,
            CREATE_TEXT,
            query=WriteQuery,
            body=ImportIn,
            status=201,
            refuses=[ImageLimitReached],
        )
    )
    def post(self, request: Request) -> HttpResponse:
        """Ask for an import."""
        scope = self.scope_for(Verb.MANAGE_IMAGES)

        def work() -> Effect:
            given = ImportIn(data=request.data)
            given.is_valid(raise_exception=True)
            made = request_import(scope=scope, actor=scope.actor, **given.validated_data)
            location = reverse("api:image-import", args=[made.public_id])
            return Effect(import_document(made), status=201, location=location)

        return carry_out(request, work)


class ImportView(TenantView):
    """One import."""

    @reads(Doc("get_image_import", TAG, "Look at an import", ImportOut, refuses=[NotFound], has_etag=True))
    def get(self, request: Request, import_id: str) -> HttpResponse:
        """Show an import."""
        scope = self.scope_for(Verb.VIEW)
        refuse_query(request)
        return object_reply(request, import_document(import_of(scope, import_id)))


class WithdrawView(TenantView):
    """Taking an own image out of the catalogue."""

    @writes(
        Doc(
            "withdraw_image",
            TAG,
            "Withdraw an image of your own",
            WrittenImageOut,
            "It can no longer be chosen. Reservations that already chose it keep it.",
            query=WriteQuery,
            refuses=[NotFound, StateConflict],
            has_etag=True,
        )
    )
    def post(self, request: Request, image_id: str) -> HttpResponse:
        """Withdraw an image."""
        scope = self.scope_for(Verb.MANAGE_IMAGES)
        refuse_body(request)

        def work() -> Effect:
            image = own_image_of(scope, image_id)
            require_match(request, image, lambda: dict(ImageOut(own_image_of(scope, image_id)).data))
            return Effect(dict(ImageOut(withdraw_own(scope=scope, actor=scope.actor, image=image)).data))

        return carry_out(request, work)
