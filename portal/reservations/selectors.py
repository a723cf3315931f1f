"""Questions about reservations. Those of tenants take the scope first and never see another project's rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Count, F, Min

from portal.core import clock
from portal.core.errors import NotFound
from portal.fleet.models import Server, ServerType
from portal.operations.models import Operation, OperationEvent, OperationServer
from portal.operations.selectors import latest_operations
from portal.operations.stages import STAGES
from portal.operations.states import OPEN_PART, OperationKind, PartState
from portal.reservations.models import Allocation, Quote, Reservation, WaitlistEntry
from portal.reservations.services.notices import notice_time
from portal.reservations.states import (
    ALLOCATIONS_OF,
    HOLDERS_OF,
    OPEN_WISH,
    RESERVATIONS_OF,
    AllocationState,
    QuoteState,
    ReservationState,
    WaitlistState,
)
from portal.tenancy.scope import Scope


def reservations_of(scope: Scope) -> models.QuerySet[Reservation]:
    """Return the project's reservations, newest first."""
    return (
        Reservation.objects.select_related("server_type", "region", "image", "project", "organization")
        .filter(project=scope.project)
        .order_by("-pk")
    )


def reservations_listed(scope: Scope) -> models.QuerySet[Reservation]:
    """Return the same for long lists: what many rows share is read once, and not along with each."""
    return scope.project.reservations.prefetch_related("server_type", "region", "image").order_by("-pk")


def reservation_of(scope: Scope, public_id: str) -> Reservation:
    """Return one reservation of the project. Raises NotFound."""
    reservation = reservations_of(scope).filter(public_id=public_id).first()
    if reservation is None:
        raise NotFound("This project has no such reservation.")
    return reservation


def quotes_of(scope: Scope) -> models.QuerySet[Quote]:
    """Return the project's quotes, newest first, without what is held for its contracts."""
    return (
        Quote.objects.select_related(
            "server_type", "region", "fabric", "project", "organization", "reservation", "waitlist_entry"
        )
        .filter(project=scope.project)
        .exclude(reservation__is_committed=True)
        .order_by("-pk")
    )


def quote_of(scope: Scope, public_id: str) -> Quote:
    """Return one quote of the project. Raises NotFound."""
    quote = quotes_of(scope).filter(public_id=public_id).first()
    if quote is None:
        raise NotFound("This project has no such quote.")
    return quote


def waitlist_of(scope: Scope) -> models.QuerySet[WaitlistEntry]:
    """Return the project's entries of the waiting list, newest first."""
    return (
        WaitlistEntry.objects.select_related("server_type", "region", "project", "organization")
        .filter(project=scope.project)
        .order_by("-pk")
    )


def waitlist_listed(scope: Scope) -> models.QuerySet[WaitlistEntry]:
    """Return the same in the order in which people read it: what is offered now, what else may come, what is over."""
    offered = _open_offers().filter(waitlist_entry=models.OuterRef("pk"))
    rank = models.Case(
        models.When(models.Exists(offered), then=models.Value(0)),
        models.When(state__in=OPEN_WISH, then=models.Value(1)),
        default=models.Value(2),
    )
    return waitlist_of(scope).order_by(rank, "-pk")


def waitlist_entry_of(scope: Scope, public_id: str) -> WaitlistEntry:
    """Return one entry of the waiting list of the project. Raises NotFound."""
    entry = waitlist_of(scope).filter(public_id=public_id).first()
    if entry is None:
        raise NotFound("This project has no such entry in the waiting list.")
    return entry


def with_place(entries: models.QuerySet[WaitlistEntry]) -> models.QuerySet[Any]:
    """Return entries with their ``place`` among those that wait for the same servers: 1 is next, None does not wait."""
    at, same = models.OuterRef("queued_at"), ("server_type", "region")
    before = models.Q(queued_at__lt=at) | models.Q(queued_at=at, pk__lte=models.OuterRef("pk"))
    waiting = WaitlistEntry.objects.filter(
        before, state=WaitlistState.WAITING, **{name: models.OuterRef(name) for name in same}
    )
    upto = models.Subquery(waiting.order_by().values("state").annotate(place=Count("pk")).values("place"))
    waits = models.When(state=WaitlistState.WAITING, then=upto)
    return entries.annotate(place=models.Case(waits, output_field=models.IntegerField()))


def places_in_queue(entries: Iterable[WaitlistEntry]) -> dict[int, int]:
    """Return the place of each entry that waits, by its pk."""
    known = WaitlistEntry.objects.filter(pk__in=[entry.pk for entry in entries], state=WaitlistState.WAITING)
    return dict(with_place(known).values_list("pk", "place"))


def _open_offers() -> models.QuerySet[Quote]:
    return Quote.objects.filter(waitlist_entry__isnull=False, state=QuoteState.OPEN, expires_at__gt=clock.now())


def open_offers_of(entries: Iterable[WaitlistEntry]) -> dict[int, Quote]:
    """Return what is offered now to entries of the waiting list, by their pks."""
    still = _open_offers().filter(waitlist_entry__in=[entry.pk for entry in entries])
    return {quote.waitlist_entry_id: quote for quote in still if quote.waitlist_entry_id is not None}


def open_quotes_of(scope: Scope) -> models.QuerySet[Quote]:
    """Return the project's quotes that can be accepted now: holds first, the next to expire first."""
    still = quotes_of(scope).filter(state=QuoteState.OPEN, expires_at__gt=clock.now())
    return still.order_by("-is_hold", "expires_at", "pk")


def with_work(allocations: models.QuerySet[Allocation]) -> models.QuerySet[Any]:
    """Return allocations and servers with the ``work`` that is being done there for them: the operation's id and kind.

    Both are None where there is none; what is done on the server for anybody else is not seen.
    """
    mine = OperationServer.objects.filter(
        server=models.OuterRef("server_id"),
        state__in=OPEN_PART,
        operation__subject=models.OuterRef("reservation__public_id"),
    )
    place = ("server__fabric", "server__rack", "server__region", "server__port__placement__network__fabric")
    return allocations.select_related("reservation", "server__server_type", *place).annotate(
        work=models.Subquery(mine.values("operation__public_id")[:1]),
        work_kind=models.Subquery(mine.values("operation__kind")[:1]),
    )


def allocations_of(reservation: Reservation) -> models.QuerySet[Any]:
    """Return a reservation's allocations in order, with their servers and the work on them."""
    return (
        with_work(reservation.allocations.all())
        .exclude(state=AllocationState.RELEASED, ready_at=None)
        .order_by("position", "pk")
    )


def servers_of(scope: Scope) -> models.QuerySet[Any]:
    """Return the allocations whose servers the project holds now, by host name, with the work on them."""
    return (
        with_work(Allocation.objects.all())
        .filter(reservation__project=scope.project, state__in=(AllocationState.SERVING, AllocationState.CLEANING))
        .order_by("hostname", "pk")
    )


def server_of(scope: Scope, public_id: str) -> Allocation:
    """Return the project's present allocation of a server. Raises NotFound."""
    allocation: Allocation | None = servers_of(scope).filter(server__public_id=public_id).first()
    if allocation is None:
        raise NotFound("This project has no such server.")
    return allocation


def ready_counts(reservations: Iterable[Reservation]) -> dict[int, int]:
    """Return how many servers of each reservation are handed over now, by its pk; those with none are left out."""
    known = list(reservations)
    if not known:
        return {}
    rows = (
        Allocation.objects.filter(reservation__in=known, state=AllocationState.SERVING)
        .order_by()
        .values_list("reservation")
        .annotate(servers=Count("pk"))
    )
    return dict(rows)


END_EVENTS = ("reservation.ending", "reservation.cancelled", "reservation.expired", "reservation.failed")
"""What is told at the instant from which a tenant no longer has, or never will have, the servers."""


def over_since(reservations: Iterable[str]) -> dict[str, datetime]:
    """Return when each reservation ended for its tenant, by its id; erasing goes on after that. Others are left out."""
    subjects = list(reservations)
    if not subjects:
        return {}
    rows = (
        OperationEvent.objects.filter(subject__in=subjects, type__in=END_EVENTS)
        .order_by()
        .values_list("subject")
        .annotate(at=Min("created_at"))
    )
    return dict(rows)


@dataclass(frozen=True)
class Tile:
    """One server on the reservation's page."""

    hostname: str
    server: Server
    state: str
    stage: str
    stage_title: str
    percent: int
    reason: str


@dataclass(frozen=True)
class StageProgress:
    """One stage on the reservation's page: how many servers are through it."""

    name: str
    title: str
    done: int
    total: int
    is_current: bool


@dataclass(frozen=True)
class Progress:
    """How far the latest operation of a reservation is."""

    operation: Operation
    stage: str
    done: int
    total: int
    eta: datetime | None
    stages: list[StageProgress]
    tiles: list[Tile]


def progress_of(reservation: Reservation) -> Progress | None:
    """Return how far the reservation's latest operation is; None before the first."""
    return progresses_of([reservation]).get(reservation.public_id)


def progresses_of(reservations: Iterable[Reservation]) -> dict[str, Progress]:
    """Return how far the latest operation of each reservation is, by the reservation's id; none before the first."""
    types = {reservation.public_id: reservation.server_type for reservation in reservations}
    if not types:
        return {}
    return {operation.subject: _progress(operation, types[operation.subject]) for operation in latest_operations(types)}


def progresses_in(operations: Iterable[Operation]) -> dict[str, Progress]:
    """Return how far each operation is, by its id. Their parts are best prefetched."""
    known = list(operations)
    rows = Reservation.objects.filter(public_id__in={operation.subject for operation in known})
    types = {row.public_id: row.server_type for row in rows.select_related("server_type")}
    return {operation.public_id: _progress(operation, types.get(operation.subject)) for operation in known}


def _progress(operation: Operation, server_type: ServerType | None) -> Progress:
    kind = OperationKind(operation.kind)
    order = [stage.name for stage in STAGES[kind]]
    parts = list(operation.parts.all())
    reached = [_reached(part, order) for part in parts]
    total = len(parts)
    unfinished = [place for part, place in zip(parts, reached, strict=True) if part.state not in FINISHED]
    current = min(unfinished, default=len(order))
    stages = [
        StageProgress(
            stage.name, stage.title, sum(place > index for place in reached), total, is_current=index == current
        )
        for index, stage in enumerate(STAGES[kind])
    ]
    return Progress(
        operation=operation,
        stage=order[current] if current < len(order) else "done",
        done=sum(part.state == PartState.SUCCEEDED for part in parts),
        total=total,
        eta=_eta(server_type, operation) if unfinished and server_type else None,
        stages=stages,
        tiles=[_tile(part, kind) for part in parts],
    )


FINISHED = (PartState.SUCCEEDED, PartState.FAILED, PartState.CANCELLED)


def _reached(part: OperationServer, order: list[str]) -> int:
    """Return how many stages a part has left behind."""
    if part.state == PartState.SUCCEEDED:
        return len(order)
    if part.stage not in order:
        return 0
    place = order.index(part.stage)
    return place + 1 if part.state == PartState.READY and part.percent == 100 else place


def _eta(server_type: ServerType, operation: Operation) -> datetime | None:
    """Return when an operation is expected to be through: what its server type usually takes, while that lies ahead."""
    takes = {
        OperationKind.DEPLOY: server_type.lead_time,
        OperationKind.REINSTALL: server_type.lead_time,
        OperationKind.RELEASE: server_type.cleanup_time,
    }.get(OperationKind(operation.kind))
    usual = operation.created_at + takes if takes else None
    return usual if usual and usual > clock.now() else None


def _tile(part: OperationServer, kind: OperationKind) -> Tile:
    titles = {stage.name: stage.title for stage in STAGES[kind]}
    return Tile(
        hostname=part.hostname,
        server=part.server,
        state=part.state,
        stage=part.stage,
        stage_title=titles.get(part.stage, "Waiting"),
        percent=100 if part.state == PartState.SUCCEEDED else part.percent,
        reason=part.state_reason if part.state == PartState.FAILED else "",
    )


def due_to_start(until: timedelta = timedelta(0)) -> models.QuerySet[Reservation]:
    """Return scheduled reservations whose preparation is due and whose period is not over."""
    now = clock.now()
    return (
        Reservation.objects.select_related("server_type")
        .filter(
            state=ReservationState.SCHEDULED,
            period__startswith__lte=now + until + F("server_type__lead_time"),
            period__endswith__gt=now,
        )
        .order_by("pk")
    )


def due_to_end() -> models.QuerySet[Reservation]:
    """Return reservations whose period is over but which have not begun to end."""
    states = (
        ReservationState.HELD,
        ReservationState.SCHEDULED,
        ReservationState.PROVISIONING,
        ReservationState.ACTIVE,
    )
    return Reservation.objects.filter(state__in=states, period__endswith__lte=clock.now()).order_by("pk")


def due_quotes() -> models.QuerySet[Quote]:
    """Return open quotes that are past their time."""
    return Quote.objects.filter(state=QuoteState.OPEN, expires_at__lte=clock.now()).order_by("pk")


def due_to_announce() -> models.QuerySet[Reservation]:
    """Return active reservations whose end is near and not announced."""
    return Reservation.objects.filter(
        state=ReservationState.ACTIVE, end_announced_at=None, period__endswith__lte=clock.now() + notice_time()
    ).order_by("pk")


def overdue_reservations() -> models.QuerySet[Reservation]:
    """Return reservations whose working state has passed its deadline."""
    return Reservation.objects.filter(state_deadline_at__lt=clock.now()).order_by("pk")


def contradictions() -> models.QuerySet[Allocation]:
    """Return allocations in a state that is not legal under their reservation's state."""
    wrong = models.Q()
    for state, legal in ALLOCATIONS_OF.items():
        wrong |= models.Q(reservation__state=state) & ~models.Q(state__in=legal)
    return Allocation.objects.select_related("reservation").filter(wrong)


def quote_contradictions() -> models.QuerySet[Quote]:
    """Return quotes whose reservation is in a state that is not legal under theirs."""
    wrong = models.Q()
    for state, legal in RESERVATIONS_OF.items():
        wrong |= models.Q(state=state, reservation__isnull=False) & ~models.Q(reservation__state__in=legal)
    return Quote.objects.select_related("reservation").filter(wrong)


def orphaned_servers() -> models.QuerySet[Server]:
    """Return servers that hold a tenant's system although no allocation says for whom."""
    wrong = models.Q()
    for state, holders in HOLDERS_OF.items():
        held = Allocation.objects.filter(server=models.OuterRef("pk"), state__in=holders)
        wrong |= models.Q(~models.Exists(held), state=state)
    return Server.objects.filter(wrong).order_by("pk")
