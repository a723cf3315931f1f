"""Moving servers' ports: noted before a switch is told, settled by what it says then; many in few statements."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from django.db import models, transaction

from portal.audit.services import record_each
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.locks import lock_rows
from portal.fleet.models import Network, PortPlacement, Server

Goals = Mapping[Server, Network | None]
"""Where the ports of servers go; None is out of any network."""


@transaction.atomic
def begin_moves(*, actor: Actor, goals: Goals, operation_id: str, epoch: int) -> dict[Server, str]:
    """Note that ports are about to be moved. Returns those that must not be, with the reason: of them nothing changes.

    A server without a port is one, and a port that would go to a network without being proved to be in none.
    """
    placements = _locked(goals)
    refused: dict[Server, str] = {}
    going: dict[Network, list[Server]] = defaultdict(list)
    for server, network in goals.items():
        if server not in placements:
            refused[server] = f"No switch port is recorded for {server.name}."
        elif network is not None and placements[server].is_isolated:
            going[network].append(server)
        elif network is not None and network.pk not in (placements[server].network_id, placements[server].moving_to_id):
            refused[server] = f"{placements[server]}; it goes to {network} once it is proved to be in none."
    _rows(placements, goals.keys() - refused.keys()).update(operation_id_text=operation_id, epoch=epoch)
    for network, servers in going.items():
        _rows(placements, servers).update(moving_to=network)
        data = {"operation": operation_id, "network": str(network), "vlan_id": network.vlan_id}
        told = {server.public_id: data for server in servers}
        record_each(actor=actor, verb="server.network_chosen", told=told)
    return refused


@transaction.atomic
def settle_moves(*, actor: Actor, goals: Goals, said: Mapping[Server, int | None], operation_id: str) -> set[Server]:
    """Note where ports are by the VLANs that were read back; return the servers whose ports are where they were to go.

    What is not as it was to be changes nothing: the port may be anywhere then that its row says. Raises StateConflict
    for a port that was not on its way there; then nothing has changed.
    """
    placements = _locked(goals)
    arrived: dict[Network | None, list[Server]] = defaultdict(list)
    for server, network in goals.items():
        if server in placements and said[server] == (network.vlan_id if network else None):
            arrived[network].append(server)
    for network, servers in arrived.items():
        _settle(actor, network, {server: placements[server] for server in servers}, operation_id)
    return {server for servers in arrived.values() for server in servers}


def _settle(
    actor: Actor, network: Network | None, placements: Mapping[Server, PortPlacement], operation_id: str
) -> None:
    changed = {}
    for server, placement in placements.items():
        if network is not None and network.pk not in (placement.network_id, placement.moving_to_id):
            raise StateConflict(f"{placement}; it was not on its way to {network}.")
        before = placement.network or placement.moving_to
        was_known = placement.is_proved and placement.moving_to_id is None
        if not (was_known and before == network):
            changed[server] = str(network or before or "")
    _rows(placements, changed).update(network=network, moving_to=None, is_proved=True, changed_at=clock.now())
    vlan_id = network.vlan_id if network else None
    record_each(
        actor=actor,
        verb="server.network_entered" if network else "server.network_left",
        told={
            server.public_id: {"operation": operation_id, "network": name, "vlan_id": vlan_id}
            for server, name in changed.items()
        },
    )


def _locked(servers: Iterable[Server]) -> dict[Server, PortPlacement]:
    """Lock where the ports of servers are; one that has no port is left out."""
    by_pk = {server.pk: server for server in servers}
    found = PortPlacement.objects.filter(port__server__in=by_pk)
    of = dict(found.values_list("pk", "port__server_id"))
    rows = PortPlacement.objects.select_related("network", "moving_to").filter(pk__in=of)
    return {by_pk[of[row.pk]]: row for row in lock_rows(rows)}


def _rows(placements: Mapping[Server, PortPlacement], servers: Iterable[Server]) -> models.QuerySet[PortPlacement]:
    return PortPlacement.objects.filter(pk__in=[placements[server].pk for server in servers])
