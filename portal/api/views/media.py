"""The boot media that BMCs and firmware fetch. No login: the address holds the one-time token of the boot."""

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from portal.api.ranges import file_reply
from portal.api.views.agents import AgentView
from portal.core.errors import NotFound
from portal.operations.services import media

ISO = "application/vnd.efi-iso"
"""By which firmware that boots by HTTP knows a medium (UEFI 2.10, section 24.7.3.1)."""


@extend_schema(exclude=True)
class MediumView(AgentView):
    """The boot medium of one boot, until that boot begins its job."""

    def get(self, request: Request, token: str) -> HttpResponseBase:
        """Send the medium or a range of it."""
        path = media.medium_of(token)
        try:
            return file_reply(
                path,
                method=request.method or "GET",
                range_header=request.headers.get("Range", ""),
                content_type=ISO,
            )
        except FileNotFoundError:
            raise NotFound("There is no such boot medium.") from None
