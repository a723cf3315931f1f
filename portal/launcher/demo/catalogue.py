"""Regions, fabrics and server types of the demo, and their prices."""

from datetime import timedelta

from portal.fleet.models import BillOfMaterials, Fabric, FirmwareBaseline, Region, ServerType
from portal.launcher.demo.offer import (
    FABRICS,
    FIRMWARE,
    FLEET,
    GPU_PCI_ID,
    GPUS_PER_SERVER,
    NIC_SPEED_MBPS,
    REGIONS,
    VIRTUAL,
    VIRTUAL_DRIVE_BYTES,
    Stock,
    machines_of,
)
from portal.launcher.demo.prices import seed_prices
from portal.launcher.demo.servers import DRIVE_BYTES, FAST_DRIVE_BYTES

LEAST_BUSBW = 350
"""GB/s; the emulator's test double says 400 at the peak."""
FAST_LEAD = timedelta(seconds=30)
FAST_CLEANUP = timedelta(minutes=1)


def seed_catalogue(*, fast: bool, fleet: Stock) -> None:
    """Create the places, the server types and a price book per currency."""
    regions = {code: Region.objects.create(code=code, name=name) for code, name in REGIONS.items()}
    for fabric in FABRICS:
        Fabric.objects.create(region=regions[fabric.region], name=fabric.name, technology=fabric.technology)
    types = _types(fast=fast, fleet=fleet)
    FirmwareBaseline.objects.bulk_create(
        FirmwareBaseline(server_type=kind, component=component, versions=[version])
        for kind in types.values()
        for component, version in FIRMWARE.items()
    )
    BillOfMaterials.objects.bulk_create(_parts(kind, fast=fast) for kind in types.values())
    sold = sorted({(_region_of(fabric), slug) for fabric, slug, _count in _sold(fleet)})
    seed_prices([(types[slug], regions[code]) for code, slug in sold])


def _parts(kind: ServerType, *, fast: bool) -> BillOfMaterials:
    """Return what a server of that type consists of: a virtual machine has one big drive, two cards and no GPU."""
    is_virtual = kind.slug == VIRTUAL.slug
    emulated_bytes = FAST_DRIVE_BYTES if fast else DRIVE_BYTES
    return BillOfMaterials(
        server_type=kind,
        gpu_pci_ids=[] if is_virtual else [GPU_PCI_ID],
        nic_count=2 if is_virtual else 1,
        nic_speed_mbps=0 if is_virtual else NIC_SPEED_MBPS,
        drive_count=1,
        drive_bytes=VIRTUAL_DRIVE_BYTES if is_virtual else emulated_bytes,
    )


def _sold(fleet: Stock) -> Stock:
    """Return what has a price: all that the demo sells, however few servers there are."""
    return fleet if machines_of(fleet) == (VIRTUAL,) else FLEET


def _types(*, fast: bool, fleet: Stock) -> dict[str, ServerType]:
    times = {"lead_time": FAST_LEAD, "cleanup_time": FAST_CLEANUP} if fast else {}
    return {
        machine.slug: ServerType.objects.create(
            slug=machine.slug,
            name=machine.name,
            gpu_model=machine.gpu_model,
            gpu_count=1 if machine is VIRTUAL else GPUS_PER_SERVER,
            gpu_memory_gb=machine.gpu_memory_gb,
            cpu=machine.cpu,
            memory_gb=machine.memory_gb,
            storage=machine.storage,
            interconnect=machine.interconnect,
            is_emulated=True,
            allreduce_busbw_gbps_min=0 if machine is VIRTUAL else LEAST_BUSBW,
            **times,
        )
        for machine in machines_of(fleet)
    }


def _region_of(fabric_name: str) -> str:
    return next(fabric.region for fabric in FABRICS if fabric.name == fabric_name)
