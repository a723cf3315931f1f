"""Which switch port each server hangs on, and which network that port is in: moved by workers, proved by read-back."""

import re
from collections.abc import Iterable

from django.db import models, transaction
from django.db.models import Q

from portal.audit.services import record, target_of
from portal.core.actors import Actor
from portal.core.errors import FieldError, InvalidInput, StateConflict
from portal.core.locks import lock_row
from portal.core.secrets import encrypt
from portal.fleet.controllers import RECORDED_IN
from portal.fleet.models import (
    Fabric,
    Network,
    NetworkKind,
    PortPlacement,
    Server,
    Switch,
    SwitchDriver,
    SwitchPort,
    slug,
)
from portal.fleet.states import ServerState

PORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,39}")
"""What Ethernet1/1, swp1 and veth-a have in common; Linux takes 15 characters, and says so itself."""
NAMESPACE = re.compile(r"[A-Za-z0-9_.-]{0,64}")


@transaction.atomic
def add_switch(
    *, actor: Actor, name: str, driver: str, address: str, fabric: Fabric, username: str = "", password: str = ""
) -> Switch:
    """Record a switch; its password is kept encrypted. Raises InvalidInput on the fields that are wrong."""
    wrong = _flaws(driver, address, username, password)
    if not re.fullmatch(slug.regex, name):
        wrong.append(FieldError("name", "invalid", str(slug.message)))
    elif Switch.objects.filter(name=name).exists():
        wrong.append(FieldError("name", "duplicate", f"There is a switch {name} already."))
    if wrong:
        raise InvalidInput(" ".join(error.detail for error in wrong), errors=wrong)
    switch = Switch.objects.create(
        name=name,
        driver=driver,
        address=address,
        fabric=fabric,
        username=username,
        password_encrypted=encrypt(password) if password else "",
    )
    record(actor=actor, verb="switch.added", target=target_of(switch), data=_shown(switch))
    return switch


@transaction.atomic
def set_access(*, actor: Actor, switch: Switch, address: str, username: str, password: str = "") -> None:
    """Set how a switch is reached; without a ``password`` the present one stays. Raises InvalidInput."""
    fresh = lock_row(Switch, switch.pk)
    wrong = _flaws(fresh.driver, address, username, password or fresh.password_encrypted)
    if wrong:
        raise InvalidInput(" ".join(error.detail for error in wrong), errors=wrong)
    fresh.address, fresh.username = address, username
    if password:
        fresh.password_encrypted = encrypt(password)
    fresh.save(update_fields=["address", "username", "password_encrypted"])
    record(
        actor=actor,
        verb="switch.access_set",
        target=target_of(fresh),
        data={**_shown(fresh), "password_changed": bool(password)},
    )


def _flaws(driver: str, address: str, username: str, password: str) -> list[FieldError]:
    if driver not in set(SwitchDriver):
        return [FieldError("driver", "invalid_choice", f"Give one of {', '.join(SwitchDriver)}.")]
    if driver == SwitchDriver.LINUX_BRIDGE:
        fits = NAMESPACE.fullmatch(address)
        return [] if fits else [FieldError("address", "invalid", "Name a network namespace, or leave it empty.")]
    wrong = []
    if not re.fullmatch(r"https://[^\s/@]+", address):
        wrong.append(FieldError("address", "invalid", "Give https://host:port."))
    wrong += [
        FieldError(name, "required", f"A switch that is spoken to over the network needs a {name}.")
        for name, value in (("username", username), ("password", password))
        if not value
    ]
    return wrong


def _shown(switch: Switch) -> dict[str, str]:
    names = ("name", "driver", "address", "username")
    return {name: getattr(switch, name) for name in names} | {"fabric": switch.fabric.public_id}


@transaction.atomic
def record_port(*, actor: Actor, server: Server, switch: Switch, name: str) -> SwitchPort:
    """Record which port a server hangs on. Where that port is, nobody knows then until a switch was asked.

    Raises InvalidInput on ``switch`` and ``name``, StateConflict for a server that has a port and is in the pool or in
    a tenant's hands.
    """
    fresh = lock_row(Server, server.pk)
    before = SwitchPort.objects.filter(server=fresh).first()
    if before is not None and (before.switch_id, before.name) == (switch.pk, name):
        return before
    if before is not None and fresh.state not in RECORDED_IN:
        raise StateConflict(
            f"{fresh.name} is {fresh.state} and hangs on {before}; its cable is moved while it is in nobody's hands.",
            extra={"state": fresh.state},
        )
    _require_port(fresh, switch, name)
    if before is not None:
        before.delete()
    port = SwitchPort.objects.create(server=fresh, switch=switch, name=name)
    PortPlacement.objects.create(port=port)
    record(
        actor=actor,
        verb="server.port_recorded",
        target=fresh.public_id,
        data={"from": str(before) if before else None, "to": str(port)},
    )
    return port


def _require_port(server: Server, switch: Switch, name: str) -> None:
    wrong = []
    if switch.fabric_id != server.fabric_id:
        wrong.append(FieldError("switch", "invalid", f"{switch} is in {switch.fabric}, the server in {server.fabric}."))
    if not PORT_NAME.fullmatch(name):
        reason = "Give the port as the switch calls it: at most 40 letters, digits, dots, hyphens, slashes and colons."
        wrong.append(FieldError("name", "invalid", reason))
    elif taken := SwitchPort.objects.filter(switch=switch, name=name).exclude(server=server).first():
        wrong.append(FieldError("name", "duplicate", f"{taken.server} hangs on {taken}."))
    if wrong:
        raise InvalidInput(" ".join(error.detail for error in wrong), errors=wrong)


def placement_of(server: Server) -> PortPlacement | None:
    """Return where the port of a server is; None where no port is recorded."""
    found = PortPlacement.objects.select_related("port__switch", "network", "moving_to")
    return found.filter(port__server=server).first()


def isolated_among(servers: Iterable[Server]) -> set[int]:
    """Return the pks of those servers whose ports are proved to be in no network, and on their way to none."""
    found = PortPlacement.objects.filter(
        port__server__in=[server.pk for server in servers], is_proved=True, network=None, moving_to=None
    )
    return set(found.values_list("port__server_id", flat=True))


def tenant_network_of(server: Server) -> Network | None:
    """Return the tenant's network that a server is in for certain; None where it is in none."""
    placement = getattr(getattr(server, "port", None), "placement", None)
    network = placement.network if placement is not None else None
    return network if network is not None and network.kind == NetworkKind.TENANT else None


def stray_servers() -> models.QuerySet[Server]:
    """Return the servers whose ports are, or may be, in a network, but for those that a tenant has in a tenant's one.

    Right while an operation is at one of them; without one it has no business there.
    """
    somewhere = Q(port__placement__network__isnull=False) | Q(port__placement__moving_to__isnull=False)
    is_home = Q(
        state=ServerState.IN_USE,
        port__placement__network__kind=NetworkKind.TENANT,
        port__placement__moving_to__isnull=True,
    )
    return Server.objects.filter(somewhere).exclude(is_home).order_by("pk")
