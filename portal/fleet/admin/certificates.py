"""Certificates of erasure and the keys that they were signed with."""

from django.contrib import admin

from portal.audit.staff import columns
from portal.audit.staff.pages import RecordAdmin
from portal.fleet.models import CertificateKey, ErasureCertificate


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
                columns.field("sequence", "Number for this server"),
                columns.code("previous_digest", "SHA-256 of the one before"),
                columns.code("document", "Canonical JSON"),
                columns.code("signature", "Signature"),
                columns.link("key", "Key"),
            ),
        ),
    )


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
