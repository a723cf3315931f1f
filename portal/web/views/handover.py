"""Downloads of the hand-over kit."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from portal.core.errors import NotFound, StateConflict
from portal.reservations.handover.kit import KIT, ZIP, file_of, kit_zip
from portal.reservations.handover.reading import handed_over
from portal.reservations.selectors import reservation_of
from portal.tenancy.scope import Scope
from portal.web.pages import tenant_page


def _download(content: bytes, media_type: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=media_type, headers=headers)


def _made(make: Callable[[], bytes]) -> bytes:
    """Return what there is from the hand-over on. Raises NotFound before: the page shows no link then."""
    try:
        return make()
    except StateConflict as error:
        raise NotFound(error.detail) from error


@tenant_page
@require_safe
def file(request: HttpRequest, scope: Scope, public_id: str, file: str) -> HttpResponse:
    """Give one file. Raises NotFound."""
    found = reservation_of(scope, public_id)
    if file not in KIT:
        raise NotFound("The kit has no such file.")
    return _download(_made(lambda: file_of(found, file)), KIT[file].media_type, file)


@tenant_page
@require_safe
def archive(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Give all files as one archive. Raises NotFound."""
    found = reservation_of(scope, public_id)
    return _download(_made(lambda: kit_zip(handed_over(found))), ZIP, f"{found.name}-handover.zip")
