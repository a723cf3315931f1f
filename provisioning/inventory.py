"""From parts of an operation to an Ansible inventory: hosts are named by the servers' public ids."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.operations.models import OperationServer
from provisioning.variables import host_vars


def inventory_of(parts: Sequence[OperationServer], boot_uris: Mapping[int, str]) -> dict[str, Any]:
    """Return the inventory of ``parts``; ``boot_uris`` maps a part's pk to the address that it boots from."""
    return {
        "all": {
            "hosts": {part.server.public_id: host_vars(part, boot_uris.get(part.pk, "")) for part in parts},
        }
    }
