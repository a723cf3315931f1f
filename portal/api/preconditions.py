"""If-Match: a change is made only to the object that the client has seen (RFC 9110 section 13.1.1)."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import models
from django.utils.http import parse_etags
from rest_framework.request import Request

from portal.api.refusals import PreconditionFailed
from portal.api.replies import etag_of
from portal.core.errors import NotFound
from portal.core.locks import lock_rows


def require_match(request: Request, row: models.Model, document: Callable[[], Mapping[str, Any]]) -> None:
    """Raise PreconditionFailed where the request names entity tags and the object has none of them.

    The row is locked first, so that what was compared is still true when the change is made: call this inside the
    transaction of the change. Raises NotFound where the row has gone meanwhile.
    """
    header = request.META.get("HTTP_IF_MATCH", "")
    if not header:
        return
    if not lock_rows(type(row)._default_manager.filter(pk=row.pk)):
        raise NotFound("This object is gone.")
    present = etag_of(document())
    wanted = parse_etags(header)
    if wanted != ["*"] and present not in wanted:
        raise PreconditionFailed("The object has changed since you read it. Read it again and decide anew.")
