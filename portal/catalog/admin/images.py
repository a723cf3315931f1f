"""OS images: which there are, and which are offered."""

from django.contrib import admin

from portal.audit.staff import columns
from portal.audit.staff.acts import Act, On, act_on
from portal.audit.staff.forms import ActForm
from portal.audit.staff.pages import RecordAdmin
from portal.catalog.models import OSImage
from portal.catalog.services.images import publish_image

OFFERED = columns.column(
    "Offered", lambda row: columns.label("published", "ok") if row.is_published else columns.label("withdrawn", "warn")
)


@admin.register(OSImage)
class OSImageAdmin(RecordAdmin):
    """A whole-disk image that a server can be imaged with."""

    list_display = (
        columns.field("name", "Name"),
        columns.field("version", "Version"),
        OFFERED,
        columns.field("default_user", "User"),
        columns.size("size_bytes", "Size"),
        columns.code("file_name", "File"),
        columns.link("project", "Own image of", "project__name"),
    )
    list_filter = ("is_published",)
    list_select_related = ("project",)
    search_fields = ("name", "slug", "version", "file_name", "sha256", "public_id")
    search_help_text = "Name, version, file, digest or id"
    facts = (
        (
            "",
            (
                OFFERED,
                columns.field("version", "Version"),
                columns.code("slug", "Short name"),
                columns.field("default_user", "User who logs in"),
                columns.code("file_name", "File"),
                columns.size("size_bytes", "Size of the file"),
                columns.code("sha256", "SHA-256 of the file"),
                columns.field("encoding", "Compression"),
                columns.size("disk_bytes", "Size on the disk"),
                columns.code("disk_sha256", "SHA-256 of the disk"),
                columns.code("signed_by", "Signed by the key"),
                columns.link("project", "Own image of"),
                columns.code("public_id", "Id"),
            ),
        ),
    )


act_on(
    OSImage,
    Act(
        name="publish",
        title="Publish",
        permission="catalog.change_osimage",
        on=On.ROWS,
        perform=lambda actor, row, _values: publish_image(actor=actor, image=row, published=True),
        form=ActForm,
        fits=lambda row: not row.is_published,
        effects=("Customers can choose the image for new reservations.",),
        done="{row} is published.",
        icon="visibility",
    ),
    Act(
        name="withdraw",
        title="Withdraw",
        permission="catalog.change_osimage",
        on=On.ROWS,
        perform=lambda actor, row, _values: publish_image(actor=actor, image=row, published=False),
        form=ActForm,
        fits=lambda row: row.is_published,
        effects=("Customers can no longer choose the image. Reservations that already chose it keep it.",),
        done="{row} is withdrawn.",
        icon="visibility_off",
    ),
)
