"""Giving up tenants' networks: once a project has neither servers nor anything to come in a fabric."""

from django.db import models, transaction
from django.db.models import Exists, OuterRef

from portal.core.actors import Actor
from portal.core.locks import lock_row
from portal.fleet.models import Fabric, Network, NetworkKind, PortPlacement
from portal.fleet.networks import free_network
from portal.operations.models import OperationServer
from portal.operations.states import OPEN_PART
from portal.reservations.models import Allocation
from portal.reservations.states import HOLDING, LIVE


def unused_networks() -> models.QuerySet[Network]:
    """Return the tenants' networks in which no port is, and whose project has nothing in the fabric, or to come."""
    allocations = Allocation.objects.filter(
        state__in=HOLDING,
        reservation__state__in=LIVE,
        reservation__project=OuterRef("project"),
        server__fabric=OuterRef("fabric"),
    )
    parts = OperationServer.objects.filter(
        state__in=OPEN_PART, operation__project=OuterRef("project"), server__fabric=OuterRef("fabric")
    )
    ports = PortPlacement.objects.filter(models.Q(network=OuterRef("pk")) | models.Q(moving_to=OuterRef("pk")))
    tenants = Network.objects.filter(kind=NetworkKind.TENANT)
    return tenants.exclude(Exists(allocations)).exclude(Exists(parts)).exclude(Exists(ports)).order_by("pk")


@transaction.atomic
def free_unused(*, actor: Actor, network: Network) -> bool:
    """Give a network up unless it is used by now; tell whether it was given up.

    Whoever begins to use one takes it with the fabric's row locked, in an operation that is seen here.
    """
    lock_row(Fabric, network.fabric_id)
    fresh = unused_networks().filter(pk=network.pk).first()
    if fresh is None:
        return False
    free_network(actor=actor, network=fresh)
    return True
