"""From parts of an operation to an Ansible inventory: hosts are named by the servers' public ids."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.fleet.models import Network
from portal.operations.models import OperationServer
from provisioning.variables import HostVars, host_vars, port_vars

Goals = Mapping[int, Network | None]
"""Where ports are moved, by their servers' parts; None means out of any network."""


def inventory_of(
    parts: Sequence[OperationServer], boot_uris: Mapping[int, str], goals: Goals | None = None
) -> dict[str, Any]:
    """Return the inventory of ``parts``; ``boot_uris`` maps a part's pk to the address that it boots from.

    With ``goals`` each server is told of its switch port and where that is to be.
    """
    hosts: dict[str, HostVars] = {}
    for part in parts:
        known = host_vars(part, boot_uris.get(part.pk, ""))
        if goals is not None:
            known |= port_vars(part, goals[part.pk])
        hosts[part.server.public_id] = known
    return {"all": {"hosts": hosts}}
