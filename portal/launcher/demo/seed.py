"""Fills an empty database with the demo, once and whole."""

import json
from collections.abc import Mapping
from pathlib import Path

from django.db import transaction

from portal.audit.services import record
from portal.core.actors import SYSTEM
from portal.fleet.models import BMC, Region, Server, ServerType
from portal.launcher.demo import people
from portal.launcher.demo.catalogue import seed_catalogue
from portal.launcher.demo.fleet_file import write_fleet_file
from portal.launcher.demo.images import ensure_files, renew_built_image, seed_built_image, seed_images
from portal.launcher.demo.networks import seed_networks
from portal.launcher.demo.offer import FLEET, VIRTUAL, Stock, machines_of
from portal.launcher.demo.promises import seed_tiers
from portal.launcher.demo.servers import Addresses, seed_servers
from portal.launcher.problems import LaunchProblem
from portal.launcher.secret_file import write_private
from portal.reservations.services.spares import top_up_spares
from portal.tenancy.models import User
from portal.tenancy.staff import ensure_groups


@transaction.atomic
def seed_rows(
    addresses: Addresses,
    passwords: Mapping[str, str],
    *,
    fast: bool,
    fleet: Stock = FLEET,
    images: Path | None = None,
) -> None:
    """Write the demo's rows unless they are there.

    Raises LaunchProblem when the database holds other data, or a demo with other addresses than this state folder's
    or with the other kind of servers.
    """
    if User.objects.filter(email=people.ADMIN).exists():
        _require_same(addresses, fleet)
        ensure_groups()
        if VIRTUAL in machines_of(fleet):
            renew_built_image(images or Path())
        seed_networks(addresses)
        seed_tiers()
        return
    if Region.objects.exists() or User.objects.exists():
        raise LaunchProblem("The database holds data that is not the demo's: use an empty database.")
    seed_catalogue(fast=fast, fleet=fleet)
    seed_tiers()
    if machines_of(fleet) == (VIRTUAL,):
        seed_built_image(images or Path())
    else:
        seed_images(fast=fast)
    count = seed_servers(addresses, fast=fast, fleet=fleet)
    seed_networks(addresses)
    top_up_spares()
    people.seed_people(passwords)
    record(actor=SYSTEM, verb="demo.seeded", target="demo", data={"servers": count})


def _require_same(addresses: Addresses, fleet: Stock) -> None:
    expected = f"https://{addresses.bmc_host}:{addresses.bmc_port}"
    if BMC.objects.exclude(address=expected).exists():
        raise LaunchProblem("The database holds the demo of another state folder: use an empty database.")
    if ServerType.objects.filter(slug=VIRTUAL.slug).exists() != (VIRTUAL in machines_of(fleet)):
        raise LaunchProblem(
            "The demo here has other servers (--metal): use another --state-dir, or begin anew by --reset."
        )


def write_files(
    state: Path, images: Path, addresses: Addresses, *, fast: bool, portal: tuple[str, int] | None = None
) -> None:
    """Write what the database implies: image files, the fleet's file, and ``demo.json`` with accounts and API token.

    Raises LaunchProblem when the BMC passwords cannot be read with this folder's key.
    """
    ensure_files(images)
    fleet = state / "fleet"
    fleet.mkdir(mode=0o700, exist_ok=True)
    try:
        write_fleet_file(fleet / "fleet.json", addresses=addresses, tls_folder=state / "tls", fast=fast, portal=portal)
    except ValueError:
        raise LaunchProblem("The database was filled with another secret key: use an empty database.") from None
    path = state / "demo.json"
    with transaction.atomic():
        known = json.loads(path.read_text())["api_token"] if path.exists() else ""
        demo = {
            "api_token": people.ensure_token(known),
            "customer": people.CUSTOMER,
            "sales": people.SALES,
            "operations": people.OPERATIONS,
            "admin": people.ADMIN,
        }
        write_private(path, json.dumps(demo, indent=2) + "\n")


def summary() -> str:
    """Say in one line what there is."""
    return f"{Server.objects.count()} servers in {Region.objects.count()} regions"
