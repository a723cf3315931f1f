"""Endpoints: added, changed, given a fresh secret, removed."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction

from portal.audit.services import record
from portal.audit.transitions import advance
from portal.core import clock, secrets
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import FieldError, InvalidInput, NotFound, StateConflict
from portal.core.locks import lock_row
from portal.tenancy.models import Project
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.webhooks.addresses import about_address
from portal.webhooks.event_types import EVENT_TYPES
from portal.webhooks.models import Endpoint, Message
from portal.webhooks.services.mails import tell_of_disabling
from portal.webhooks.signing import new_secret
from portal.webhooks.states import EndpointState

MOST_ENDPOINTS = 20
"""Of one project."""
FORMER_SIGNS_FOR = timedelta(hours=24)
BY_TENANT = "switched off by the tenant"


@transaction.atomic
def add_endpoint(*, scope: Scope, actor: Actor, url: str, event_types: Sequence[str]) -> tuple[Endpoint, str]:
    """Add an address that chosen events are posted to; the second value is its secret, which is shown once.

    Raises Forbidden, InvalidInput on ``url`` and ``event_types``, and StateConflict where there are MOST_ENDPOINTS.
    """
    scope.require(Verb.MANAGE_WEBHOOKS)
    chosen = _checked(url, event_types)
    lock_row(Project, scope.project.pk)
    if Endpoint.objects.filter(project=scope.project).count() >= MOST_ENDPOINTS:
        raise StateConflict(f"The project has {MOST_ENDPOINTS} webhooks already: remove one first.")
    secret = new_secret()
    with refuse("webhook_endpoint_once", _taken()):
        made = Endpoint.objects.create(
            project=scope.project,
            state=EndpointState.ENABLED,
            url=url,
            event_types=chosen,
            secret_encrypted=secrets.encrypt(secret),
        )
    _note(actor, made, verb="webhook.added", url=url, event_types=chosen)
    return made, secret


def _checked(url: str, event_types: Sequence[str]) -> list[str]:
    chosen = [name for name in EVENT_TYPES if name in set(event_types)]
    errors = about_address(url)
    if not chosen or set(event_types) - set(chosen):
        text = f"Choose one or more of: {', '.join(EVENT_TYPES)}."
        errors.append(FieldError("event_types", "unknown", text))
    if errors:
        raise InvalidInput(errors[0].detail if len(errors) == 1 else "Some fields need your attention.", errors=errors)
    return chosen


def _taken() -> InvalidInput:
    return InvalidInput.of("url", "duplicate", "The project has a webhook with this address: change that one.")


def _note(actor: Actor, endpoint: Endpoint, *, verb: str, **data: Any) -> None:
    scope = endpoint.project.organization.public_id
    record(actor=actor, verb=verb, target=endpoint.public_id, scope=scope, data=data)


@transaction.atomic
def change_endpoint(
    *,
    scope: Scope,
    actor: Actor,
    endpoint: Endpoint,
    url: str | None = None,
    event_types: Sequence[str] | None = None,
    state: str | None = None,
) -> Endpoint:
    """Change what is given of an endpoint; what waits for one that is disabled is given up. Return it fresh.

    Raises Forbidden, NotFound, and InvalidInput on ``url``, ``event_types`` and ``state``.
    """
    fresh = _locked(scope, endpoint)
    if state is not None and state not in ENDPOINT_STATES:
        raise InvalidInput.of("state", "unknown", f"Choose one of: {', '.join(ENDPOINT_STATES)}.")
    new_url = fresh.url if url is None else url
    chosen = _checked(new_url, fresh.event_types if event_types is None else event_types)
    if (new_url, chosen) != (fresh.url, fresh.event_types):
        with refuse("webhook_endpoint_once", _taken()):
            Endpoint.objects.filter(pk=fresh.pk).update(url=new_url, event_types=chosen)
        _note(actor, fresh, verb="webhook.changed", url=new_url, event_types=chosen)
    if state == EndpointState.DISABLED and fresh.is_enabled:
        disable(actor=actor, endpoint=fresh, reason=BY_TENANT)
    elif state == EndpointState.ENABLED and not fresh.is_enabled:
        advance(fresh, EndpointState.ENABLED, actor=actor, scope=scope.organization.public_id)
    fresh.refresh_from_db()
    return fresh


ENDPOINT_STATES = tuple(state.value for state in EndpointState)


def _locked(scope: Scope, endpoint: Endpoint) -> Endpoint:
    """Lock an endpoint of the scope's project and return it fresh. Raises Forbidden and NotFound."""
    scope.require(Verb.MANAGE_WEBHOOKS)
    if endpoint.project_id != scope.project.pk:
        raise NotFound("This project has no such webhook.")
    try:
        return lock_row(Endpoint, endpoint.pk)
    except Endpoint.DoesNotExist:
        raise NotFound("This webhook is gone.") from None


@transaction.atomic
def disable(*, actor: Actor, endpoint: Endpoint, reason: str) -> None:
    """Post nothing more to an endpoint, which is locked; what waits is given up, and can be sent again one by one."""
    advance(
        endpoint,
        EndpointState.DISABLED,
        actor=actor,
        scope=endpoint.project.organization.public_id,
        reason=reason,
    )
    Message.objects.filter(endpoint=endpoint, next_try_at__isnull=False).update(next_try_at=None, leased_until=None)
    if reason != BY_TENANT:
        transaction.on_commit(partial(tell_of_disabling, endpoint, reason))


@transaction.atomic
def rotate_secret(*, scope: Scope, actor: Actor, endpoint: Endpoint) -> tuple[Endpoint, str]:
    """Give an endpoint a fresh secret, which is returned and shown once. For FORMER_SIGNS_FOR the old one signs too.

    Of a former secret that still signs nothing is left: two sign at most. Raises Forbidden and NotFound.
    """
    fresh = _locked(scope, endpoint)
    secret, until = new_secret(), clock.now() + FORMER_SIGNS_FOR
    Endpoint.objects.filter(pk=fresh.pk).update(
        secret_encrypted=secrets.encrypt(secret),
        former_secret_encrypted=fresh.secret_encrypted,
        former_until=until,
    )
    _note(actor, fresh, verb="webhook.secret_rotated", former_until=clock.as_rfc3339(until))
    fresh.refresh_from_db()
    return fresh, secret


@transaction.atomic
def remove_endpoint(*, scope: Scope, actor: Actor, endpoint: Endpoint) -> None:
    """Forget an endpoint with all that it was told. Raises Forbidden and NotFound."""
    fresh = _locked(scope, endpoint)
    _note(actor, fresh, verb="webhook.removed", url=fresh.url)
    fresh.delete()
