"""Questions about webhooks. Whoever may not manage them learns nothing: addresses and payloads are confidential."""

from django.db import models

from portal.core.errors import NotFound
from portal.tenancy.models import Project
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.webhooks.models import Endpoint, Message
from portal.webhooks.states import EndpointState


def endpoints_of(scope: Scope) -> models.QuerySet[Endpoint]:
    """Return the endpoints of the scope's project, the newest first; none for who may not manage them."""
    if not scope.may(Verb.MANAGE_WEBHOOKS):
        return Endpoint.objects.none().order_by("-pk")
    return Endpoint.objects.filter(project=scope.project).order_by("-pk")


def endpoint_of(scope: Scope, public_id: str) -> Endpoint:
    """Return one endpoint of the project. Raises NotFound."""
    found = endpoints_of(scope).filter(public_id=public_id).first()
    if found is None:
        raise NotFound("This project has no such webhook.")
    return found


def messages_of(scope: Scope, endpoint: Endpoint) -> models.QuerySet[Message]:
    """Return what an endpoint of the project was told, the latest first, with every try."""
    rows = Message.objects.filter(endpoint=endpoint, endpoint__in=endpoints_of(scope).order_by())
    return rows.prefetch_related("attempts").order_by("-pk")


def message_of(scope: Scope, endpoint: Endpoint, public_id: str) -> Message:
    """Return one message to an endpoint of the project. Raises NotFound."""
    found = messages_of(scope, endpoint).filter(public_id=public_id).first()
    if found is None:
        raise NotFound("This webhook has no such delivery.")
    return found


def listening(event_type: str, projects: models.QuerySet[Project] | list[Project]) -> models.QuerySet[Endpoint]:
    """Return the endpoints of projects that have chosen a type and are enabled."""
    return Endpoint.objects.filter(
        project__in=projects, state=EndpointState.ENABLED, event_types__contains=[event_type]
    ).order_by("pk")
