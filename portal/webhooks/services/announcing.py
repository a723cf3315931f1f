"""Telling endpoints: rows are written in the transaction of what they tell of, and sent by a sweep."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models, transaction

from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import NotFound, StateConflict
from portal.tenancy.models import Organization, Project
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.webhooks.event_types import EVENT_TYPES, PING
from portal.webhooks.models import MOST_PAYLOAD, Endpoint, Message
from portal.webhooks.selectors import listening


@transaction.atomic(savepoint=False)
def announce(
    *,
    actor: Actor,
    event_type: str,
    data: Mapping[str, Any],
    projects: models.QuerySet[Project] | list[Project] | None = None,
    organization: Organization | None = None,
    at: datetime | None = None,
) -> int:
    """Tell the endpoints of projects, or of all projects of an organization, that have chosen a type.

    ``data`` is JSON in the API's own words; ``at`` is when it happened, if not now. Returns how many are told: where
    nobody listens it is one question. Raises KeyError for a type that is not in the table.
    """
    EVENT_TYPES[event_type]
    homes = Project.objects.filter(organization=organization) if projects is None else projects
    found = listening(event_type, homes)
    payload = payload_of(event_type, data, at or clock.now())
    rows = [Message(endpoint=endpoint, type=event_type, payload=payload) for endpoint in found.only("pk")]
    Message.objects.bulk_create(rows)
    return len(rows)


def payload_of(event_type: str, data: Mapping[str, Any], at: datetime) -> str:
    """Return the body of a message: type, timestamp and data as JSON of ASCII, fewer than MOST_PAYLOAD bytes.

    Data that is longer is left out but for its ``id``, by which all of it can be read.
    """
    text = _written(event_type, data, at)
    if len(text) < MOST_PAYLOAD:
        return text
    return _written(event_type, {"id": data.get("id"), "is_cut": True}, at)


def _written(event_type: str, data: Mapping[str, Any], at: datetime) -> str:
    told = {"type": event_type, "timestamp": clock.as_rfc3339(at), "data": dict(data)}
    return json.dumps(told, separators=(",", ":"))


@transaction.atomic
def ping(*, scope: Scope, actor: Actor, endpoint: Endpoint) -> Message:
    """Have a message sent that only says that it works. Raises Forbidden, NotFound, and
    StateConflict for a disabled one."""
    _require(scope, endpoint)
    payload = payload_of(PING, {"id": endpoint.public_id, "asked_by": actor.label[:200]}, clock.now())
    return Message.objects.create(endpoint=endpoint, type=PING, payload=payload)


@transaction.atomic
def resend(*, scope: Scope, actor: Actor, message: Message) -> Message:
    """Have a message sent again now, with the same id, and by the table until it is delivered; return it fresh.

    Raises Forbidden, NotFound, and StateConflict for an endpoint that is disabled.
    """
    _require(scope, message.endpoint)
    Message.objects.filter(pk=message.pk).update(tries=0, next_try_at=clock.now(), leased_until=None, delivered_at=None)
    message.refresh_from_db()
    return message


def _require(scope: Scope, endpoint: Endpoint) -> None:
    scope.require(Verb.MANAGE_WEBHOOKS)
    if endpoint.project_id != scope.project.pk:
        raise NotFound("This project has no such webhook.")
    if not endpoint.is_enabled:
        raise StateConflict("This webhook is disabled: enable it first.", extra={"state": endpoint.state})
