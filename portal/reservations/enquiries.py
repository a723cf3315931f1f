"""The request log: what was asked for and what became of it. A request that was refused is the demand nobody served.

Inside of a request the rows are collected, and written in one statement after the reply is sent: they survive the
rollback of a refusal, and nobody waits for them. Outside of requests they are written where they are noted.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeVar

from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse

from portal.core import clock
from portal.core.errors import DomainError
from portal.core.inserting import insert
from portal.core.money import Money
from portal.reservations.capacity import Demand
from portal.reservations.models import Enquiry
from portal.tenancy.models import Project
from portal.tenancy.scope import Scope

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=400)
"""A year and a month: what was asked for at this time last year can still be seen."""
PURGED_AT_ONCE = 5_000
AFTER_COMMIT = (Enquiry.Outcome.MADE, Enquiry.Outcome.ABANDONED)
"""What happened only if the transaction that it is noted in commits; the others are true whatever becomes of it."""
CHANNELS = (("/api/", "api"), ("/admin/", "staff"))
SYSTEM_CHANNEL = "system"


class Priced(Protocol):
    """What comes of a wish that is met: a reservation or a quote."""

    public_id: str

    @property
    def total(self) -> Money:
        """What it costs."""
        ...


Made = TypeVar("Made", bound=Priced)


@dataclass
class _Collected:
    channel: str
    rows: list[Enquiry] = field(default_factory=list)


_collected: ContextVar[_Collected | None] = ContextVar("enquiries", default=None)


def note(
    kind: Enquiry.Kind,
    outcome: Enquiry.Outcome,
    scope: Scope,
    demand: Demand,
    *,
    reason: str = "",
    free: int | None = None,
    price: Money | None = None,
    subject: str = "",
) -> None:
    """Keep what somebody asked for. ``reason`` is a refusal's code, ``free`` the largest count that fitted."""
    note_of(kind, outcome, scope.project, demand, reason=reason, free=free, price=price, subject=subject)


def note_of(
    kind: Enquiry.Kind,
    outcome: Enquiry.Outcome,
    project: Project,
    demand: Demand,
    *,
    reason: str = "",
    free: int | None = None,
    price: Money | None = None,
    subject: str = "",
) -> None:
    """Keep what became of a wish of a project, also where nobody asks any more."""
    collected = _collected.get()
    row = Enquiry(
        kind=kind,
        outcome=outcome,
        reason=reason[:40],
        channel=collected.channel if collected else SYSTEM_CHANNEL,
        organization=project.organization.public_id,
        project=project.public_id,
        server_type=demand.server_type.slug,
        region=demand.region.code,
        count=demand.count,
        starts_at=demand.period.start,
        ends_at=demand.period.end,
        placement=demand.placement,
        free=free,
        price=price.amount if price else None,
        currency=price.currency if price else "",
        subject=subject,
    )
    if collected is None:
        _write([row])
    elif outcome in AFTER_COMMIT:
        transaction.on_commit(partial(collected.rows.append, row))
    else:
        collected.rows.append(row)


def noted(kind: Enquiry.Kind, scope: Scope, demand: Demand, act: Callable[[], Made]) -> Made:
    """Do what a demand asks for, and note what became of it: what was made, or the code of the refusal."""
    with refusals_noted(kind, scope, demand):
        made = act()
    note(kind, Enquiry.Outcome.MADE, scope, demand, price=made.total, subject=made.public_id)
    return made


@contextmanager
def refusals_noted(kind: Enquiry.Kind, scope: Scope, demand: Demand) -> Iterator[None]:
    """Note a refusal of what is done inside, and let it go on."""
    try:
        yield
    except DomainError as refusal:
        free = refusal.extra.get("available")
        note(kind, Enquiry.Outcome.REFUSED, scope, demand, reason=refusal.code, free=free)
        raise


def purge_enquiries() -> int:
    """Forget rows older than KEPT_FOR, up to PURGED_AT_ONCE of them; return how many."""
    # In the order of their keys, which is that of time: nothing is read beyond the first row that is kept.
    oldest = Enquiry.objects.order_by("pk").values_list("pk", "at")[:PURGED_AT_ONCE]
    limit = clock.now() - KEPT_FOR
    return Enquiry.objects.filter(pk__in=[pk for pk, at in oldest if at < limit]).delete()[0]


def _write(rows: list[Enquiry]) -> None:
    """Write rows in one statement. One that fails costs the log some rows, and the request nothing."""
    is_alone = not connection.in_atomic_block
    try:
        with transaction.atomic():
            if is_alone:
                # In a transaction of their own they may be lost in a crash, and need not wait for the disk.
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL synchronous_commit TO off")
            insert(rows)
    except DatabaseError:
        log.exception("%s enquiries are lost", len(rows))


class EnquiryMiddleware:
    """Collect what is noted in a request, and write it once the reply is sent."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; its notes are written when the server closes the response."""
        channel = next((name for path, name in CHANNELS if request.path.startswith(path)), "web")
        collected = _Collected(channel)
        token = _collected.set(collected)
        try:
            response = self.get_response(request)
        finally:
            _collected.reset(token)
        if collected.rows:
            # The server calls these after the last byte, and before it gives the database connection back.
            response._resource_closers.append(partial(_write, collected.rows))  # type: ignore[attr-defined]
        return response
