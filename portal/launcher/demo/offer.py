"""What the demo's provider sells and where it stands: plain tables."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from portal.catalog.terms import CancellationTerms, Step

REGIONS = {"eu-north-1": "Luleå, Sweden", "us-central-1": "Des Moines, Iowa"}


@dataclass(frozen=True)
class Network:
    """A fabric: servers in it talk at full speed."""

    region: str
    name: str
    technology: str
    short: str
    """Start of the names of its servers."""


FABRICS = (
    Network("eu-north-1", "eun1-a", "NDR InfiniBand 400G", "eun1-a"),
    Network("eu-north-1", "eun1-b", "RoCE v2 400G", "eun1-b"),
    Network("us-central-1", "usc1-a", "NDR InfiniBand 400G", "usc1-a"),
    Network("us-central-1", "usc1-b", "RoCE v2 400G", "usc1-b"),
)


@dataclass(frozen=True)
class Machine:
    """A server type with its chassis and its list prices per GPU-hour by currency."""

    slug: str
    name: str
    gpu_model: str
    gpu_memory_gb: int
    cpu: str
    memory_gb: int
    storage: str
    interconnect: str
    chassis: str
    drive: str
    maker: str
    """First letters of serial numbers."""
    prices: dict[str, str]


MACHINES = (
    Machine(
        "h100-8x",
        "8x H100",
        "NVIDIA H100 80GB HBM3",
        80,
        "2x Intel Xeon Platinum 8480C (112 cores)",
        2048,
        "8x 3.84 TB NVMe",
        "NVLink 4, 8x 400G NDR",
        "HGX H100",
        "Samsung PM9A3 3.84TB",
        "HGXA",
        {"USD": "2.49", "EUR": "2.29"},
    ),
    Machine(
        "h200-8x",
        "8x H200",
        "NVIDIA H200 141GB HBM3e",
        141,
        "2x Intel Xeon Platinum 8558 (96 cores)",
        2048,
        "8x 3.84 TB NVMe",
        "NVLink 4, 8x 400G",
        "HGX H200",
        "Samsung PM9A3 3.84TB",
        "HGXB",
        {"USD": "3.29", "EUR": "3.03"},
    ),
    Machine(
        "b200-8x",
        "8x B200",
        "NVIDIA B200 180GB HBM3e",
        180,
        "2x Intel Xeon 6960P (144 cores)",
        3072,
        "8x 7.68 TB NVMe",
        "NVLink 5, 8x 400G",
        "HGX B200",
        "Kioxia CD8P 7.68TB",
        "HGXC",
        {"USD": "4.99", "EUR": "4.59"},
    ),
    Machine(
        "mi300x-8x",
        "8x MI300X",
        "AMD Instinct MI300X 192GB HBM3",
        192,
        "2x AMD EPYC 9654 (192 cores)",
        2304,
        "8x 3.84 TB NVMe",
        "Infinity Fabric, 8x 400G RoCE",
        "MI300X OAM",
        "Micron 7450 3.84TB",
        "AMIA",
        {"USD": "2.19", "EUR": "2.02"},
    ),
    Machine(
        "a100-8x",
        "8x A100",
        "NVIDIA A100 80GB SXM4",
        80,
        "2x AMD EPYC 7763 (128 cores)",
        1024,
        "4x 3.84 TB NVMe",
        "NVLink 3, 8x 200G HDR",
        "HGX A100",
        "Samsung PM9A3 3.84TB",
        "HGXD",
        {"USD": "1.35", "EUR": "1.24"},
    ),
    Machine(
        "l40s-8x",
        "8x L40S",
        "NVIDIA L40S 48GB",
        48,
        "2x AMD EPYC 9354 (64 cores)",
        768,
        "2x 7.68 TB NVMe",
        "PCIe 4.0, 2x 100G",
        "L40S PCIe",
        "Kioxia CD8P 7.68TB",
        "PCIE",
        {"USD": "0.89", "EUR": "0.82"},
    ),
)
VIRTUAL = Machine(
    "vm-1x",
    "Virtual test machine",
    "none (virtual test machine)",
    1,
    "2 virtual CPUs",
    1,
    "1 GiB virtual NVMe",
    "virtio",
    "QEMU q35",
    "QEMU NVMe Ctrl",
    "VIRT",
    {"USD": "0.01", "EUR": "0.01"},
)
"""Sold only where there are virtual machines. It counts as one GPU, because prices are per GPU; it has none."""
VIRTUAL_DRIVE_BYTES = 1024**3
GPUS_PER_SERVER = 8
FIRMWARE = {"BMC": "2.14.0", "BIOS": "3.7.1", "CPLD": "1.09", "NIC": "28.41.1000", "GPU": "96.00.99.00.01"}
"""What the emulated machines run when nobody has flashed them."""
GPU_PCI_ID = "1b36:00ff"
"""What the GPUs of emulated machines are called by PCI."""
NIC_SPEED_MBPS = 400_000
BOOT_ORDER = ["Hdd", "Cd", "UefiHttp", "Pxe"]
REGION_FACTOR = {"eu-north-1": Decimal("1.00"), "us-central-1": Decimal("1.04")}
"""What a region's power costs make of the list price."""
CANCELLATION = CancellationTerms((Step(timedelta(days=7), Decimal(0)), Step(timedelta(hours=24), Decimal(25))))
"""With less notice than a day all is owed."""

Stock = tuple[tuple[str, str, int], ...]
"""Fabric, server type, number of servers."""
FLEET: Stock = (
    ("eun1-a", "h100-8x", 32),
    ("eun1-a", "b200-8x", 16),
    ("eun1-a", "l40s-8x", 16),
    ("eun1-b", "h200-8x", 24),
    ("eun1-b", "mi300x-8x", 24),
    ("usc1-a", "h100-8x", 32),
    ("usc1-a", "a100-8x", 32),
    ("usc1-b", "h200-8x", 24),
    ("usc1-b", "b200-8x", 16),
)
RACK_UNITS = (3, 11, 19, 27)
"""Where the four chassis of a rack begin."""


def virtual_pool(servers: int) -> Stock:
    """Return a stock of virtual machines only."""
    return ((FLEET[0][0], VIRTUAL.slug, servers),)


def machines_of(fleet: Stock) -> tuple[Machine, ...]:
    """Return the server types of a demo with that stock."""
    return (VIRTUAL,) if any(slug == VIRTUAL.slug for _fabric, slug, _count in fleet) else MACHINES


def machine_of(slug: str) -> Machine:
    """Return the server type of that slug."""
    return next(machine for machine in (*MACHINES, VIRTUAL) if machine.slug == slug)


def one_pool(servers: int) -> Stock:
    """Return a stock of one pool, the demo's first, with that many servers."""
    fabric, server_type, _count = FLEET[0]
    return ((fabric, server_type, servers),)
