"""The metal, and the evidence that it was erased."""

from portal.fleet.models.erasure import Erasure
from portal.fleet.models.metal import (
    BMC,
    NIC,
    POOL_STATES,
    Drive,
    Fabric,
    Rack,
    Region,
    Server,
    ServerType,
    slug,
)

__all__ = [
    "BMC",
    "NIC",
    "POOL_STATES",
    "Drive",
    "Erasure",
    "Fabric",
    "Rack",
    "Region",
    "Server",
    "ServerType",
    "slug",
]
