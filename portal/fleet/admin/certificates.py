"""Certificates of erasure and the keys that they were signed with."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from portal.audit.staff import columns
from portal.audit.staff.pages import RecordAdmin
from portal.fleet.certificates import file_of, page_file_of
from portal.fleet.models import CertificateKey, ErasureCertificate

FILES = {"json": ("application/json", file_of), "pdf": ("application/pdf", page_file_of)}


def _files(row: ErasureCertificate) -> Any:
    json, pdf = (reverse("admin:fleet_erasurecertificate_file", args=[row.pk, kind]) for kind in FILES)
    return format_html('<a class="staff-link" href="{}">JSON</a> · <a class="staff-link" href="{}">PDF</a>', json, pdf)


@admin.register(ErasureCertificate)
class ErasureCertificateAdmin(RecordAdmin):
    """That one drive was erased by one operation, as it was signed."""

    list_display = (
        columns.moment("created_at", "Issued"),
        columns.code("public_id", "Id"),
        columns.link("server", "Server", "server__name"),
        columns.code("drive_serial", "Drive"),
        columns.link("project__organization", "Organization"),
        columns.target("subject", "Reservation"),
        columns.target("operation_id_text", "Operation"),
    )
    list_select_related = ("server", "project__organization")
    search_fields = (
        "public_id",
        "drive_serial",
        "server__serial",
        "server__name",
        "server__public_id",
        "project__organization__name",
        "project__organization__public_id",
        "operation_id_text",
        "subject",
    )
    search_help_text = "Serial number of drive or server, server, organization, operation or reservation"
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    facts = (
        (
            "",
            (
                columns.code("public_id", "Id"),
                columns.moment("created_at", "Issued"),
                columns.link("server", "Server"),
                columns.code("drive_serial", "Drive"),
                columns.link("project", "Project"),
                columns.target("subject", "Reservation"),
                columns.target("operation_id_text", "Operation"),
            ),
        ),
        (
            "Signed",
            (
                columns.column("Files", _files),
                columns.field("sequence", "Number for this server"),
                columns.code("previous_digest", "SHA-256 of the one before"),
                columns.code("document", "Canonical JSON"),
                columns.code("signature", "Signature"),
                columns.link("key", "Key"),
            ),
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the files, which staff give to whoever has no login, and check themselves."""
        view = self.admin_site.admin_view(self.file_view)
        return [path("<int:pk>/file.<slug:kind>", view, name="fleet_erasurecertificate_file"), *super().get_urls()]

    def file_view(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        """Give the signed file, or the page for people."""
        row = ErasureCertificate.objects.filter(pk=pk).first()
        if row is None or kind not in FILES:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        media_type, content_of = FILES[kind]
        name = f'attachment; filename="{row.public_id}.{kind}"'
        return HttpResponse(content_of(row), content_type=media_type, headers={"Content-Disposition": name})


@admin.register(CertificateKey)
class CertificateKeyAdmin(RecordAdmin):
    """A public key that certificates were signed with."""

    list_display = (columns.code("key_id", "Id"), columns.moment("first_used_at", "First used"))
    search_fields = ("key_id",)
    ordering = ("-pk",)
    facts = (
        (
            "",
            (
                columns.code("key_id", "Id"),
                columns.code("public_key", "Public key (Ed25519, base 64)"),
                columns.moment("first_used_at", "First used"),
            ),
        ),
    )
