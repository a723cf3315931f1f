"""Telling the webhooks of tenants what happened to their reservations."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from portal.core import clock
from portal.core.actors import Actor
from portal.operations.models import OperationEvent
from portal.reservations.models import News, Reservation, WaitlistEntry
from portal.webhooks.event_types import EVENT_TYPES
from portal.webhooks.services.announcing import announce

BATCH = 200


@transaction.atomic
def tell_webhooks(*, actor: Actor) -> int:
    """Tell the endpoints that listen what happened since, in order; return how many events were looked at.

    What another sweep is looking at just now is left to it.
    """
    waiting = News.objects.select_related("event").order_by("pk")
    found = list(waiting.select_for_update(of=("self",), skip_locked=True)[:BATCH])
    events = [row.event for row in found if row.event.type in EVENT_TYPES]
    subjects = _subjects(events)
    for event in events:
        if (subject := subjects.get(event.subject)) is not None:
            announce(
                actor=actor,
                event_type=event.type,
                data=_data(event, subject),
                projects=[subject.project],
                at=event.created_at,
            )
    News.objects.filter(pk__in=[row.pk for row in found]).delete()
    return len(found)


def _subjects(events: Iterable[OperationEvent]) -> dict[str, Reservation | WaitlistEntry]:
    """Return by public id what the events tell of."""
    ids = {event.subject for event in events}
    found: list[Reservation | WaitlistEntry] = [
        *Reservation.objects.filter(public_id__in=ids).select_related("project"),
        *WaitlistEntry.objects.filter(public_id__in=ids).select_related("project"),
    ]
    return {row.public_id: row for row in found}


def _data(event: OperationEvent, subject: Reservation | WaitlistEntry) -> dict[str, Any]:
    """Return the event in the words of the API, and what its subject is by now."""
    told = {
        "id": subject.public_id,
        "project": subject.project.public_id,
        "state": subject.state,
        "event": event.public_id,
        "message": event.message,
        "details": event.data,
    }
    if isinstance(subject, WaitlistEntry):
        return told
    ends = {"starts_at": clock.as_rfc3339(subject.span.start), "ends_at": clock.as_rfc3339(subject.span.end)}
    return {**told, "name": subject.name, "degraded": subject.degraded, **ends}
