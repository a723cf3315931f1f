"""The serial console of a server: the end of its log, and what comes after."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.core.errors import InvalidInput, NotFound
from portal.reservations.console import chunks_of, console_of, tail_of, without_colours
from portal.reservations.models import Allocation, ConsoleChunk
from portal.reservations.services.console import want_console
from portal.reservations.states import AllocationState
from portal.tenancy.scope import Scope
from portal.web.pages import STOP_POLLING, tenant_page

SHOWN_CHARACTERS = 200 * 1024
"""How much of the end of a log the page begins with."""
MOST_CHUNKS = 16
"""Most that one poll brings; the next one brings more."""
POLL_S = 2


@tenant_page
@require_safe
def console(request: HttpRequest, scope: Scope, public_id: str, server_id: str) -> HttpResponse:
    """Show the end of the log; without JavaScript that is the page, and it is as new as when it was opened."""
    found = console_of(scope, public_id, server_id)
    want_console(allocation=found)
    chunks = tail_of(found, SHOWN_CHARACTERS)
    context = {
        "it": found,
        "is_serving": _is_serving(found),
        "is_whole": not chunks or chunks[0] == chunks_of(found).first(),
        "seconds": POLL_S,
        **_shown(chunks),
    }
    return render(request, "web/pages/console.html", context)


@tenant_page
@require_safe
def news(request: HttpRequest, scope: Scope, public_id: str, server_id: str) -> HttpResponse:
    """Answer the poll with what came after ``after``; polling ends with the hand-over, once all is told."""
    found = console_of(scope, public_id, server_id)
    try:
        chunks = list(chunks_of(found, request.GET.get("after", ""))[:MOST_CHUNKS])
    except InvalidInput as error:
        raise NotFound("This console has no such output.") from error
    want_console(allocation=found)
    if chunks:
        return render(request, "web/parts/console_news.html", _shown(chunks))
    return HttpResponse(status=204 if _is_serving(found) else STOP_POLLING)


def _is_serving(allocation: Allocation) -> bool:
    return allocation.state == AllocationState.SERVING


def _shown(chunks: Sequence[ConsoleChunk]) -> dict[str, str]:
    """Return the text without its colours, and the id of the last of it."""
    text = without_colours("".join(chunk.text for chunk in chunks))
    return {"text": text, "last": chunks[-1].public_id if chunks else ""}
