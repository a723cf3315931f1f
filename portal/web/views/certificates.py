"""Certificates of erasure, as files."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from portal.fleet.certificates import certificate_of, file_of, page_file_of
from portal.tenancy.scope import Scope
from portal.web.pages import tenant_page


@tenant_page
@require_safe
def signed_file(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Give the signed file of a certificate."""
    return _download(file_of(certificate_of(scope, public_id)), "application/json", f"{public_id}.json")


@tenant_page
@require_safe
def page(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Give a certificate as PDF."""
    return _download(page_file_of(certificate_of(scope, public_id)), "application/pdf", f"{public_id}.pdf")


def _download(content: bytes, media_type: str, name: str) -> HttpResponse:
    return HttpResponse(
        content, content_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
