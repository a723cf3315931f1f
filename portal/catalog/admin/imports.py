"""Customers' own images on their way into the catalogue."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from portal.audit.staff import columns, filters
from portal.audit.staff.pages import RecordAdmin
from portal.catalog.models import ImageImport


@admin.register(ImageImport)
class ImageImportAdmin(RecordAdmin):
    """A project's wish for an image of its own. Its address is a stranger's text: it is shown, never followed."""

    list_display = (
        columns.field("name", "Name"),
        columns.state,
        columns.link("project", "Project", "project__name"),
        columns.code("url", "Address"),
        columns.moment("created_at", "Asked"),
    )
    list_filter = (filters.StateFilter, ("project", AutocompleteSelectFilter))
    list_select_related = ("project",)
    search_fields = ("name", "url", "sha256", "public_id", "project__name")
    search_help_text = "Name, address, digest, project or id"
    facts = (
        (
            "",
            (
                columns.state,
                columns.link("project", "Project"),
                columns.code("url", "Address"),
                columns.code("sha256", "SHA-256 of the file"),
                columns.field("default_user", "User who logs in"),
                columns.code("error_code", "Failure"),
                columns.link("image", "Image"),
                columns.field("requested_by", "Asked by"),
                columns.moment("created_at", "Asked"),
                columns.code("public_id", "Id"),
            ),
        ),
    )
