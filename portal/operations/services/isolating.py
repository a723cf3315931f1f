"""Taking servers off networks that they have no business in: what a failed or stopped operation leaves behind."""

from datetime import timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef

from portal.core import clock
from portal.core.actors import Actor
from portal.core.locks import lock_row
from portal.fleet.models import Server
from portal.fleet.ports import stray_servers
from portal.operations.models import Operation, OperationServer
from portal.operations.selectors import servers_at_work
from portal.operations.services.erasing import untouched_from
from portal.operations.services.queue import queue_operation
from portal.operations.states import OperationKind, PartState

PAUSE = timedelta(minutes=5)
"""How long after a failed attempt the next one waits."""


def to_isolate() -> models.QuerySet[Server]:
    """Return the servers that are to be taken off a network now; none in installations that control no switches."""
    tried = OperationServer.objects.filter(
        server=OuterRef("pk"),
        operation__kind=OperationKind.ISOLATE,
        state=PartState.FAILED,
        state_changed_at__gt=clock.now() - PAUSE,
    )
    found = stray_servers().exclude(pk__in=servers_at_work()).exclude(Exists(tried))
    return found if settings.METALYARD_NETWORKS else found.none()


def may_be_astray(server: Server) -> bool:
    """Tell whether a server is, or may be, in a network that it has no business in while nothing is done with it."""
    return bool(settings.METALYARD_NETWORKS) and stray_servers().filter(pk=server.pk).exists()


@transaction.atomic
def isolate_stray(*, actor: Actor, server: Server) -> Operation | None:
    """Queue taking a server off the network that it is in; None where it need not be, or not yet.

    It is done for the reservation that it was moved there for, so that whoever ends that calls it off: a release begins
    with the same.
    """
    fresh = lock_row(Server, server.pk)
    if not to_isolate().filter(pk=fresh.pk).exists():
        return None
    last = OperationServer.objects.select_related("operation__project").filter(server=fresh).order_by("-pk").first()
    return queue_operation(
        actor=actor,
        kind=OperationKind.ISOLATE,
        servers=[(fresh, last.hostname if last else fresh.name)],
        subject=last.operation.subject if last else "",
        project=last.operation.project if last else None,
        not_before=untouched_from(fresh),
    )
