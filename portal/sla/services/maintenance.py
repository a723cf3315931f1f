"""Maintenance: announced ahead, moved, called off, put off by the tenants that it concerns, and over."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import models, transaction

from portal.audit.services import record
from portal.audit.transitions import advance
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import InvalidInput, NotFound, StateConflict
from portal.core.locks import lock_row
from portal.core.periods import Period
from portal.fleet.models import Region, Server
from portal.sla.concerned import projects_with, tenancy_of
from portal.sla.models import MaintenanceServer, MaintenanceWindow
from portal.sla.services.mails import mail
from portal.sla.states import MaintenanceState
from portal.tenancy.models import Project
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.webhooks.services.announcing import announce

LONGEST = timedelta(hours=24)


@transaction.atomic
def announce_maintenance(
    *, actor: Actor, title: str, region: Region, servers: Iterable[Server], period: Period, text: str = ""
) -> MaintenanceWindow:
    """Announce work on servers of a region, and tell the tenants that have them.

    Raises InvalidInput on ``title``, on ``period`` for a start that is past or more than LONGEST, and on ``servers``
    for none or for one of another region.
    """
    chosen = list(servers)
    _check(title, period)
    if not chosen or any(server.region_id != region.pk for server in chosen):
        raise InvalidInput.of("servers", "unknown", f"Choose servers of {region.code}: at least one.")
    made = MaintenanceWindow.objects.create(
        state=MaintenanceState.ANNOUNCED,
        title=title.strip(),
        text=text.strip(),
        region=region,
        period=period.as_range(),
    )
    MaintenanceServer.objects.bulk_create(
        [
            MaintenanceServer(window=made, server=server, period=period.as_range(), first_start=period.start)
            for server in chosen
        ]
    )
    _note(actor, made, "maintenance.announced", period)
    _tell(actor, made, "is announced", "maintenance.announced")
    return made


def _check(title: str, period: Period) -> None:
    if not title.strip():
        raise InvalidInput.of("title", "required", "Say in a few words what is done.")
    if period.start <= clock.now():
        raise InvalidInput.of("period", "past", "Choose a start that is still to come.")
    if period.duration > LONGEST:
        raise InvalidInput.of("period", "too_long", "A window is 24 hours at most: announce several.")


@transaction.atomic
def move_maintenance(*, actor: Actor, window: MaintenanceWindow, period: Period) -> MaintenanceWindow:
    """Move a window that has not begun; the notice counts from now on. What a tenant put off stays as he chose.

    Raises StateConflict for one that has begun or is over, and InvalidInput on ``period`` as announcing does.
    """
    _check(window.title, period)
    fresh = _to_come(window)
    MaintenanceWindow.objects.filter(pk=fresh.pk).update(period=period.as_range(), announced_at=clock.now())
    fresh.turns.filter(deferred_at=None).update(period=period.as_range(), first_start=period.start)
    fresh.refresh_from_db()
    _note(actor, fresh, "maintenance.moved", period)
    _tell(actor, fresh, "is moved", "maintenance.changed")
    return fresh


def _to_come(window: MaintenanceWindow) -> MaintenanceWindow:
    fresh = lock_row(MaintenanceWindow, window.pk)
    if fresh.state != MaintenanceState.ANNOUNCED or fresh.span.start <= clock.now():
        raise StateConflict("This maintenance has begun or is over.", extra={"state": fresh.state})
    return fresh


@transaction.atomic
def cancel_maintenance(*, actor: Actor, window: MaintenanceWindow, reason: str) -> MaintenanceWindow:
    """Call maintenance off, and tell the tenants. Raises StateConflict for one that is over."""
    fresh = lock_row(MaintenanceWindow, window.pk)
    advance(fresh, MaintenanceState.CANCELLED, actor=actor, reason=reason)
    _tell(actor, fresh, "is called off", "maintenance.cancelled", reason)
    return fresh


@transaction.atomic
def finish_maintenance(*, actor: Actor, window: MaintenanceWindow) -> bool:
    """Note that a window is over; one with turns to come stays as it is. Returns whether it is over now."""
    fresh = lock_row(MaintenanceWindow, window.pk)
    to_come = fresh.turns.filter(period__endswith__gt=clock.now()).exists()
    if fresh.state != MaintenanceState.ANNOUNCED or to_come or fresh.span.end > clock.now():
        return False
    advance(fresh, MaintenanceState.DONE, actor=actor)
    _tell(actor, fresh, "is over", "maintenance.completed")
    return True


@transaction.atomic
def defer_maintenance(
    *, scope: Scope, actor: Actor, window: MaintenanceWindow, server: Server, starts_at: datetime
) -> MaintenanceServer:
    """Put one server's turn off to a later start, within the days that its tier allows from the first one.

    Raises Forbidden, NotFound for a server that the project does not have or that is not in the window, StateConflict
    for a turn that has begun, and InvalidInput on ``starts_at``.
    """
    scope.require(Verb.OPERATE)
    allocation = tenancy_of(scope, server)
    fresh = lock_row(MaintenanceWindow, window.pk)
    turn = fresh.turns.filter(server=server).first()
    if allocation is None or turn is None:
        raise NotFound("You have no such server in this maintenance.")
    if fresh.state != MaintenanceState.ANNOUNCED or turn.span.start <= clock.now():
        raise StateConflict("This maintenance has begun or is over.", extra={"state": fresh.state})
    tier = allocation.reservation.sla_tier
    days = tier.may_defer_days if tier is not None else 0
    latest = turn.first_start + timedelta(days=days)
    if not max(turn.first_start, clock.now()) <= starts_at <= latest:
        until = f"at the latest {clock.as_rfc3339(latest)}" if days else "its service level allows none"
        raise InvalidInput.of("starts_at", "out_of_range", f"Choose a start after the announced one, {until}.")
    period = Period(starts_at, starts_at + turn.span.duration)
    MaintenanceServer.objects.filter(pk=turn.pk).update(
        period=period.as_range(),
        known_since=turn.known_since or fresh.announced_at,
        deferred_at=clock.now(),
        deferred_by=actor.label[:200],
    )
    told = {"server": server.public_id, **_ends(period)}
    scope_id = scope.organization.public_id
    record(actor=actor, verb="maintenance.deferred", target=fresh.public_id, scope=scope_id, data=told)
    _announce(actor, fresh, "maintenance.changed", period, [scope.project], server=server.public_id)
    transaction.on_commit(partial(_tell_of_deferral, scope.project, fresh, server, period))
    turn.refresh_from_db()
    return turn


def _tell_of_deferral(project: Project, window: MaintenanceWindow, server: Server, period: Period) -> None:
    text = (
        f"{window.title} ({window.public_id}) is put off for {server.public_id}.\n"
        f"From {clock.as_rfc3339(period.start)} to {clock.as_rfc3339(period.end)}."
    )
    mail([project], f"Maintenance is put off: {window.title}", text)


def _ends(period: Period) -> dict[str, str]:
    return {"starts_at": clock.as_rfc3339(period.start), "ends_at": clock.as_rfc3339(period.end)}


def _note(actor: Actor, window: MaintenanceWindow, verb: str, period: Period) -> None:
    data = {"region": window.region.code, "servers": window.turns.count(), **_ends(period)}
    record(actor=actor, verb=verb, target=window.public_id, data=data)


def _tell(actor: Actor, window: MaintenanceWindow, what: str, event_type: str, reason: str = "") -> None:
    servers: Sequence[int] = list(window.turns.values_list("server", flat=True))
    _announce(actor, window, event_type, window.span, projects_with(servers), **({"reason": reason} if reason else {}))
    text = (
        f"{window.title} ({window.public_id}) in {window.region.code}: maintenance {what}.\n"
        f"From {clock.as_rfc3339(window.span.start)} to {clock.as_rfc3339(window.span.end)}.\n\n{reason or window.text}"
    )
    subject = f"Maintenance {what}: {window.title}"
    transaction.on_commit(partial(_mail, servers, subject, text))


def _announce(
    actor: Actor,
    window: MaintenanceWindow,
    event_type: str,
    period: Period,
    projects: models.QuerySet[Project] | list[Project],
    **more: str,
) -> None:
    told = {
        "id": window.public_id,
        "state": window.state,
        "title": window.title,
        "region": window.region.code,
        "text": window.text,
        **_ends(period),
        **more,
    }
    announce(actor=actor, event_type=event_type, data=told, projects=projects)


def _mail(servers: Sequence[int], subject: str, text: str) -> None:
    mail(projects_with(servers), subject, text)
