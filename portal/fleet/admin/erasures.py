"""Proofs of erasure: on the server's page and in a list of their own."""

from django.contrib import admin
from django.utils.safestring import SafeString

from portal.audit.staff import columns
from portal.audit.staff.pages import RecordAdmin
from portal.fleet.models import Erasure


def _proof(erasure: Erasure) -> SafeString:
    is_clean = erasure.bytes_erased == erasure.bytes_verified and erasure.residue_bytes == 0
    return columns.label("clean", "ok") if is_clean else columns.label("not proved", "bad")


ERASURE = (
    columns.moment("at", "When"),
    columns.code("drive_serial", "Drive"),
    columns.column("Proof", _proof),
    columns.field("method", "Method"),
    columns.size("bytes_erased", "Erased"),
    columns.size("bytes_verified", "Read back"),
    columns.size("residue_bytes", "Left over"),
    columns.target("operation_id_text", "Operation"),
)


@admin.register(Erasure)
class ErasureAdmin(RecordAdmin):
    """Evidence that a drive was erased and read back."""

    list_display = (ERASURE[0], columns.link("server", "Server", "server__name"), *ERASURE[1:])
    list_select_related = ("server",)
    search_fields = ("server__name", "drive_serial", "operation_id_text")
    search_help_text = "Server, serial number of the drive, or operation"
    date_hierarchy = "at"
    ordering = ("-pk",)
    facts = (("", (columns.link("server", "Server"), *ERASURE)),)
