"""Proofs of erasure: on the server's page and in a list of their own."""

from django.contrib import admin
from django.utils.safestring import SafeString

from portal.audit.staff import columns
from portal.audit.staff.pages import RecordAdmin
from portal.fleet.erase_policy import VerifyMode
from portal.fleet.models import Erasure


def _proof(erasure: Erasure) -> SafeString:
    return columns.label("not proved", "bad") if any(erasure.own_flaws()) else columns.label("clean", "ok")


def _sample(erasure: Erasure) -> str:
    is_sample = erasure.verify_mode == VerifyMode.SAMPLE
    return f"{erasure.blocks_sampled} blocks, head and tail" if is_sample else "all of it"


ERASURE = (
    columns.moment("at", "When"),
    columns.code("drive_serial", "Drive"),
    columns.column("Proof", _proof),
    columns.field("method", "Method"),
    columns.size("bytes_erased", "Erased"),
    columns.size("bytes_verified", "Read back"),
    columns.column("Sample", _sample),
    columns.size("residue_bytes", "Left over"),
    columns.target("operation_id_text", "Operation"),
)

DETAILS = (
    columns.field("drive_model", "Model"),
    columns.field("drive_firmware", "Firmware"),
    columns.size("size_bytes", "Size"),
    columns.moment("started_at", "Begun, by the machine's clock"),
    columns.moment("ended_at", "Done, by the machine's clock"),
    columns.column("Why it proves nothing", lambda erasure: "; ".join(erasure.own_flaws())),
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
    facts = (("", (columns.link("server", "Server"), *ERASURE)), ("Drive and times", DETAILS))
