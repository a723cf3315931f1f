"""The metal, its networks, the evidence that it was erased with its certificates, and what it was found to run."""

from portal.fleet.models.certificate import CertificateKey, ErasureCertificate
from portal.fleet.models.erasure import Erasure
from portal.fleet.models.firmware import FirmwareBaseline, FirmwareReading
from portal.fleet.models.inspection import BillOfMaterials, Inspection
from portal.fleet.models.metal import (
    BMC,
    NIC,
    POOL_STATES,
    BootMethod,
    Drive,
    Fabric,
    Rack,
    Region,
    Server,
    ServerType,
    slug,
)
from portal.fleet.models.network import (
    Network,
    NetworkKind,
    PortPlacement,
    Switch,
    SwitchDriver,
    SwitchPort,
    VlanRange,
)

__all__ = [
    "BMC",
    "NIC",
    "POOL_STATES",
    "BillOfMaterials",
    "BootMethod",
    "CertificateKey",
    "Drive",
    "Erasure",
    "ErasureCertificate",
    "Fabric",
    "FirmwareBaseline",
    "FirmwareReading",
    "Inspection",
    "Network",
    "NetworkKind",
    "PortPlacement",
    "Rack",
    "Region",
    "Server",
    "ServerType",
    "Switch",
    "SwitchDriver",
    "SwitchPort",
    "VlanRange",
    "slug",
]
