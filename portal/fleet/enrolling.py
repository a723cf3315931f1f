"""Entering new servers: known from then on, in nobody's hands, and sold only once they were inspected and erased."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction

from portal.audit.services import record
from portal.core.actors import Actor
from portal.core.errors import FieldError, InvalidInput, StateConflict
from portal.core.secrets import encrypt
from portal.fleet.models import BMC, NIC, BootMethod, Drive, Fabric, Rack, Server, ServerType, slug
from portal.fleet.states import ServerState

MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
ADDRESS = re.compile(r"https://[^\s/@]{1,200}")
WORD = re.compile(r"[!-~]+")
"""Characters of ASCII that can be seen."""
LAST_UNIT, LAST_PORT, MOST_BYTES = 100, 65535, 2**62


@dataclass(frozen=True)
class NewDrive:
    """A drive as its label has it."""

    serial: str
    model: str
    size_bytes: int


@dataclass(frozen=True)
class NewServer:
    """What staff know of a server that has come; ``serial`` and ``system_uuid`` are as its BMC tells them."""

    name: str
    server_type: ServerType
    fabric: Fabric
    rack: str
    rack_unit: int
    serial: str
    system_uuid: UUID
    ssh_host: str
    ssh_port: int
    bmc_address: str
    bmc_username: str
    bmc_password: str
    boot_method: str
    macs: Sequence[str]
    drives: Sequence[NewDrive]


@transaction.atomic
def enrol(*, actor: Actor, new: NewServer) -> Server:
    """Enter a server; its rack is made where it is not known, its BMC's password kept encrypted.

    Raises InvalidInput with every wrong field, and StateConflict when somebody enters one of the same at this moment.
    """
    wrong = [*_malformed(new), *_taken(new)]
    if wrong:
        raise InvalidInput(wrong[0].detail if len(wrong) == 1 else "Some fields need your attention.", errors=wrong)
    try:
        with transaction.atomic():
            server = _write(new)
    except IntegrityError:
        raise StateConflict("Somebody entered a server with some of this at the same moment: look again.") from None
    told = {"name": new.name, "type": new.server_type.slug, "serial": new.serial, "bmc": new.bmc_address}
    record(actor=actor, verb="server.enrolled", target=server.public_id, data=told)
    return server


WORDS = {"serial": 64, "ssh_host": 255, "bmc_username": 64}
TEXTS = {"rack": 40, "bmc_password": 128}
NUMBERS = {"rack_unit": LAST_UNIT, "ssh_port": LAST_PORT}
"""The most that each may have, or be."""


def _malformed(new: NewServer) -> Iterator[FieldError]:
    for name, most in WORDS.items():
        if not WORD.fullmatch(getattr(new, name)[: most + 1]) or len(getattr(new, name)) > most:
            yield FieldError(name, "invalid", f"Give 1 to {most} characters without spaces.")
    for name, most in TEXTS.items():
        if not 1 <= len(getattr(new, name)) <= most or not getattr(new, name).isprintable():
            yield FieldError(name, "invalid", f"Give 1 to {most} printable characters.")
    for name, most in NUMBERS.items():
        if not 1 <= getattr(new, name) <= most:
            yield FieldError(name, "out_of_range", f"Give a number from 1 to {most}.")
    yield from (FieldError(name, "invalid", reason) for name, is_right, reason in _forms(new) if not is_right)


def _forms(new: NewServer) -> Iterator[tuple[str, bool, str]]:
    """Yield what must be of a form: its field, whether it is, and how it should be."""
    yield "name", bool(re.fullmatch(slug.regex, new.name)) and len(new.name) <= 63, str(slug.message)
    yield "bmc_address", bool(ADDRESS.fullmatch(new.bmc_address)), "Give https://host:port."
    yield "boot_method", new.boot_method in BootMethod.values, f"Give one of {', '.join(BootMethod.values)}."
    are_macs = bool(new.macs) and len(set(new.macs)) == len(new.macs) and all(map(MAC.fullmatch, new.macs))
    yield "macs", are_macs, "Give the MAC address of each network port once, such as 02:4d:59:00:00:01."
    serials = {drive.serial for drive in new.drives}
    are_drives = bool(serials) and len(serials) == len(new.drives) and all(map(_is_drive, new.drives))
    yield "drives", are_drives, "Give serial number, model and bytes of each drive, each drive once."


def _is_drive(drive: NewDrive) -> bool:
    is_named = WORD.fullmatch(drive.serial) and len(drive.serial) <= 64 and 1 <= len(drive.model) <= 80
    return bool(is_named) and drive.model.isprintable() and 0 < drive.size_bytes <= MOST_BYTES


def _taken(new: NewServer) -> Iterator[FieldError]:
    servers = Server.objects
    found = {
        "name": servers.filter(name=new.name),
        "serial": servers.filter(serial=new.serial),
        "system_uuid": servers.filter(system_uuid=new.system_uuid),
        "ssh_host": servers.filter(ssh_host=new.ssh_host, ssh_port=new.ssh_port),
        "rack_unit": servers.filter(rack__region=new.fabric.region_id, rack__name=new.rack, rack_unit=new.rack_unit),
        "macs": servers.filter(nics__mac__in=new.macs),
        "drives": servers.filter(drives__serial__in=[drive.serial for drive in new.drives]),
    }
    for name, others in found.items():
        other = others.first()
        if other is not None:
            yield FieldError(name, "duplicate", f"{other.name} has this already.")


def _write(new: NewServer) -> Server:
    rack, _ = Rack.objects.get_or_create(region=new.fabric.region, name=new.rack)
    server = Server.objects.create(
        state=ServerState.ENROLLED,
        name=new.name,
        server_type=new.server_type,
        region=new.fabric.region,
        fabric=new.fabric,
        rack=rack,
        rack_unit=new.rack_unit,
        serial=new.serial,
        system_uuid=new.system_uuid,
        ssh_host=new.ssh_host,
        ssh_port=new.ssh_port,
    )
    BMC.objects.create(
        server=server,
        address=new.bmc_address,
        username=new.bmc_username,
        password_encrypted=encrypt(new.bmc_password),
        boot_method=new.boot_method,
    )
    NIC.objects.bulk_create(NIC(server=server, mac=mac) for mac in new.macs)
    Drive.objects.bulk_create(
        Drive(server=server, serial=drive.serial, model=drive.model, size_bytes=drive.size_bytes)
        for drive in new.drives
    )
    return server
