"""``manage.py seed_demo``: the demo's rows and files."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from portal.launcher import secret_file, virtual_metal
from portal.launcher.addresses import WEB_HOST
from portal.launcher.demo import seed
from portal.launcher.demo.business.story import seed_business
from portal.launcher.demo.offer import FLEET, Stock, one_pool, virtual_pool
from portal.launcher.demo.servers import Addresses
from portal.launcher.problems import LaunchProblem

EXIT_PROBLEM = 2


class Command(BaseCommand):
    """Fill an empty database with the demo; on later runs only write the files anew."""

    help = "Fill an empty database with the demo. The quickstart does this itself."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--migrate", action="store_true", help="bring the tables up to date first")
        parser.add_argument("--bmc-port", type=int, default=8443, help="port of the emulated BMCs")
        parser.add_argument("--ssh-port", type=int, default=2222, help="SSH port of the emulated servers")
        parser.add_argument(
            "--servers", type=int, default=0, help="as many of one type in one fabric instead of the demo's fleet"
        )
        parser.add_argument("--metal", choices=virtual_metal.KINDS, default=virtual_metal.EMULATED)
        parser.add_argument("--portal-port", type=int, default=8000, help="where virtual machines find the portal")
        parser.add_argument("--fast", action="store_true", help="short machine timings, small images and drives")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Seed; a problem is one line on stderr and exit code 2. The last line of output says what there is."""
        if options["migrate"]:
            call_command("migrate", interactive=False, verbosity=1, stdout=self.stdout)
        try:
            self._seed(options)
        except LaunchProblem as problem:
            self.stderr.write(str(problem))
            sys.exit(EXIT_PROBLEM)
        self.stdout.write(seed.summary())

    def _seed(self, options: dict[str, Any]) -> None:
        needed = (secret_file.FLEET_NETWORK, *secret_file.PASSWORDS)
        missing = [name for name in needed if not os.environ.get(name)]
        if missing:
            raise LaunchProblem(f"Not set: {', '.join(missing)}. 'manage.py quickstart' sets them.")
        passwords = {name: os.environ[name] for name in secret_file.PASSWORDS}
        addresses = Addresses(os.environ[secret_file.FLEET_NETWORK], options["bmc_port"], options["ssh_port"])
        fleet = _stock(options["metal"], options["servers"])
        seed.seed_rows(addresses, passwords, fast=options["fast"], fleet=fleet, images=settings.METALYARD_IMAGE_DIR)
        if fleet == FLEET:
            # The pools that its contracts are about are those of the whole fleet.
            seed_business()
        state = settings.METALYARD_STATE_DIR
        seed.write_files(
            state,
            settings.METALYARD_IMAGE_DIR,
            addresses,
            fast=options["fast"],
            portal=(WEB_HOST, options["portal_port"]) if options["metal"] == virtual_metal.QEMU else None,
        )


def _stock(metal: str, servers: int) -> Stock:
    """Return which servers there are. Raises LaunchProblem."""
    if metal == virtual_metal.EMULATED:
        return one_pool(servers) if servers else FLEET
    virtual_metal.require_count(servers)
    return virtual_pool(servers or virtual_metal.FEWEST)
