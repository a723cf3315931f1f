"""The demo's servers, each with its place, its BMC with a password of its own, its port and its drive."""

import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from portal.core.secrets import encrypt
from portal.fleet.models import BMC, NIC, Drive, Fabric, Rack, Server, ServerType
from portal.fleet.states import ServerState
from portal.launcher.demo.offer import BOOT_ORDER, FLEET, RACK_UNITS, VIRTUAL, VIRTUAL_DRIVE_BYTES, Stock, machine_of

DRIVE_BYTES = 32 * 1024 * 1024
FAST_DRIVE_BYTES = 8 * 1024 * 1024
HOSTS_PER_BYTE = 250
BMC_USER = "metalyard"


@dataclass(frozen=True)
class Addresses:
    """Where the emulated fleet listens."""

    network: str
    """First two bytes of its loopback network, such as ``127.77``."""
    bmc_port: int
    ssh_port: int

    @property
    def bmc_host(self) -> str:
        """IP address of all BMCs; which server is meant stands in the path."""
        return f"{self.network}.0.1"

    def ssh_host(self, number: int) -> str:
        """Return the address of server ``number``, counted from 0."""
        return f"{self.network}.{1 + number // HOSTS_PER_BYTE}.{1 + number % HOSTS_PER_BYTE}"


@dataclass(frozen=True)
class Slot:
    """A place for a server."""

    number: int
    fabric: str
    server_type: str
    rack: str
    unit: int

    @property
    def name(self) -> str:
        """Name of the server, such as ``eun1-a-r01-u03``."""
        return f"{self.rack}-u{self.unit:02d}"


def slots(fleet: Stock = FLEET) -> Iterator[Slot]:
    """Yield the place of every server of a stock: four to a rack, one type to a rack."""
    number = 0
    racks: dict[str, int] = {}
    for fabric, server_type, count in fleet:
        for index in range(count):
            if index % len(RACK_UNITS) == 0:
                racks[fabric] = racks.get(fabric, 0) + 1
            rack = f"{fabric}-r{racks[fabric]:02d}"
            yield Slot(number, fabric, server_type, rack, RACK_UNITS[index % len(RACK_UNITS)])
            number += 1


def seed_servers(addresses: Addresses, *, fast: bool, fleet: Stock = FLEET) -> int:
    """Create the fleet, all servers erased and available, and return how many there are."""
    fabrics = {fabric.name: fabric for fabric in Fabric.objects.select_related("region")}
    types = {server_type.slug: server_type for server_type in ServerType.objects.all()}
    places = list(slots(fleet))
    racks = _racks(places, fabrics)
    servers = Server.objects.bulk_create(
        [_server(place, fabrics[place.fabric], types[place.server_type], racks, addresses) for place in places]
    )
    BMC.objects.bulk_create(_bmc(server, addresses) for server in servers)
    NIC.objects.bulk_create(_nic(server, place) for server, place in zip(servers, places, strict=True))
    Drive.objects.bulk_create(_drive(server, fast=fast) for server in servers)
    return len(servers)


def _racks(places: list[Slot], fabrics: dict[str, Fabric]) -> dict[str, Rack]:
    homes = {place.rack: fabrics[place.fabric].region for place in places}
    made = Rack.objects.bulk_create(Rack(region=region, name=name) for name, region in homes.items())
    return {rack.name: rack for rack in made}


def _server(
    place: Slot, fabric: Fabric, server_type: ServerType, racks: dict[str, Rack], addresses: Addresses
) -> Server:
    maker = machine_of(server_type.slug).maker
    return Server(
        name=place.name,
        server_type=server_type,
        region=fabric.region,
        fabric=fabric,
        rack=racks[place.rack],
        rack_unit=place.unit,
        serial=f"{maker}{secrets.token_hex(4).upper()}{place.number:04d}",
        system_uuid=uuid.uuid4(),
        ssh_host=addresses.ssh_host(place.number),
        ssh_port=addresses.ssh_port,
        state=ServerState.AVAILABLE,
        state_reason="new: never held tenant data",
    )


def _bmc(server: Server, addresses: Addresses) -> BMC:
    return BMC(
        server=server,
        address=f"https://{addresses.bmc_host}:{addresses.bmc_port}",
        username=BMC_USER,
        password_encrypted=encrypt(secrets.token_urlsafe(18)),
        boot_order=BOOT_ORDER,
    )


def _nic(server: Server, place: Slot) -> NIC:
    # 02: a locally administered address, see RFC 7042 section 2.1.
    return NIC(server=server, mac=f"02:4d:59:00:{place.number >> 8:02x}:{place.number & 0xFF:02x}")


def _drive(server: Server, *, fast: bool) -> Drive:
    machine = machine_of(server.server_type.slug)
    size = FAST_DRIVE_BYTES if fast else DRIVE_BYTES
    return Drive(
        server=server,
        serial=f"S{secrets.token_hex(6).upper()}",
        model=machine.drive,
        size_bytes=VIRTUAL_DRIVE_BYTES if machine is VIRTUAL else size,
    )
