"""Incidents: opened, spoken about, resolved, and explained."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from portal.audit.services import record
from portal.audit.transitions import advance
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import InvalidInput, StateConflict
from portal.core.locks import lock_row
from portal.fleet.models import Region, Server
from portal.sla.concerned import projects_touched
from portal.sla.models import Incident, IncidentServer, IncidentUpdate
from portal.sla.models.incident import TEXT_LENGTH, Impact
from portal.sla.services.mails import mail
from portal.sla.states import IncidentState
from portal.webhooks.services.announcing import announce


@transaction.atomic
def open_incident(
    *,
    actor: Actor,
    title: str,
    text: str,
    impact: Impact,
    region: Region | None = None,
    servers: Iterable[Server] = (),
    began_at: datetime | None = None,
    is_public: bool = True,
) -> Incident:
    """Open an incident with its first words, and tell the tenants that have, or had, one of ``servers``.

    Raises InvalidInput on ``title`` and ``text`` without any, and on ``began_at`` for one to come.
    """
    if not title.strip():
        raise InvalidInput.of("title", "required", "Say in a few words what is wrong.")
    now = clock.now()
    if began_at is not None and began_at > now:
        raise InvalidInput.of("began_at", "not_past", "Choose a time that is past, or leave it empty for now.")
    made = Incident.objects.create(
        state=IncidentState.INVESTIGATING,
        title=title.strip(),
        region=region,
        impact=impact,
        is_public=is_public,
        began_at=began_at or now,
    )
    IncidentServer.objects.bulk_create([IncidentServer(incident=made, server=server) for server in servers])
    record(
        actor=actor,
        verb="incident.opened",
        target=made.public_id,
        data={"title": made.title, "impact": impact, "servers": made.touched.count()},
    )
    _say(actor, made, text, "incident.opened")
    return made


@transaction.atomic
def update_incident(*, actor: Actor, incident: Incident, text: str, state: str = "") -> Incident:
    """Say something more about an incident, moving it on to ``state`` if given; RESOLVED ends it.

    Raises StateConflict for one that is resolved, and InvalidInput on ``text`` without any.
    """
    fresh = lock_row(Incident, incident.pk)
    if fresh.state == IncidentState.RESOLVED:
        raise StateConflict("This incident is resolved: write its root cause, or open another.")
    if state and state != fresh.state:
        over: dict[str, Any] = {"resolved_at": clock.now()} if state == IncidentState.RESOLVED else {}
        advance(fresh, state, actor=actor, **over)
    _say(actor, fresh, text, "incident.resolved" if fresh.state == IncidentState.RESOLVED else "incident.updated")
    return fresh


@transaction.atomic
def touch_servers(*, actor: Actor, incident: Incident, servers: Iterable[Server]) -> int:
    """Add servers that an open incident touches; return how many there are now. Raises StateConflict once resolved."""
    fresh = lock_row(Incident, incident.pk)
    if fresh.state == IncidentState.RESOLVED:
        raise StateConflict("This incident is resolved.")
    rows = [IncidentServer(incident=fresh, server=server) for server in servers]
    IncidentServer.objects.bulk_create(rows, ignore_conflicts=True)
    count = fresh.touched.count()
    record(actor=actor, verb="incident.servers_touched", target=fresh.public_id, data={"servers": count})
    return count


@transaction.atomic
def explain_incident(*, actor: Actor, incident: Incident, root_cause: str) -> Incident:
    """Write down why a resolved incident happened, once, and tell the tenants.

    Raises StateConflict before it is resolved and where it is explained, and InvalidInput on ``root_cause``.
    """
    _require_text("root_cause", root_cause)
    fresh = lock_row(Incident, incident.pk)
    if fresh.state != IncidentState.RESOLVED or fresh.root_cause:
        raise StateConflict("The root cause is written once, when the incident is resolved.")
    now = clock.now()
    Incident.objects.filter(pk=fresh.pk).update(root_cause=root_cause.strip(), root_cause_at=now)
    fresh.refresh_from_db()
    record(actor=actor, verb="incident.explained", target=fresh.public_id)
    _tell(actor, fresh, f"Root cause: {fresh.title}", fresh.root_cause, "incident.updated")
    return fresh


def _require_text(field: str, text: str) -> None:
    if not text.strip() or len(text) > TEXT_LENGTH:
        raise InvalidInput.of(field, "length", f"Write 1 to {TEXT_LENGTH} characters.")


def _say(actor: Actor, incident: Incident, text: str, event_type: str) -> None:
    _require_text("text", text)
    words = text.strip()
    IncidentUpdate.objects.create(incident=incident, state=incident.state, text=words, author=actor.label[:200])
    record(actor=actor, verb="incident.updated", target=incident.public_id, data={"state": incident.state})
    _tell(actor, incident, f"Incident {incident.state}: {incident.title}", words, event_type)


def _tell(actor: Actor, incident: Incident, subject: str, text: str, event_type: str) -> None:
    told = {
        "id": incident.public_id,
        "state": incident.state,
        "title": incident.title,
        "impact": incident.impact,
        "region": incident.region.code if incident.region else None,
        "text": text,
    }
    announce(actor=actor, event_type=event_type, data=told, projects=projects_touched(incident))
    transaction.on_commit(partial(_mail, incident, subject, f"{text}\n\n{incident.public_id}"))


def _mail(incident: Incident, subject: str, text: str) -> None:
    mail(projects_touched(incident), subject, text)
