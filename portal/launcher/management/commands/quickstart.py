"""``manage.py quickstart``: the whole portal on this machine, from nothing."""

import argparse
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.launcher import virtual_metal
from portal.launcher.problems import LaunchProblem
from portal.launcher.quickstart import REPOSITORY, Options, Quickstart

EXIT_PROBLEM = 2


def port_number(text: str) -> int:
    """Read a TCP port from the command line."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port: give a number from 1 to 65535")
    return int(text)


class Command(BaseCommand):
    """Start database, broker, demo data, emulated fleet, web and worker; Ctrl-C stops them all."""

    help = "Start the whole portal with a demo fleet on this machine."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--port", type=port_number, default=8000, help="port of the portal (default: 8000)")
        parser.add_argument(
            "--state-dir",
            type=Path,
            default=REPOSITORY / ".metalyard",
            metavar="DIR",
            help="folder for all data of this portal (default: .metalyard in the repository)",
        )
        parser.add_argument("--fast", action="store_true", help="let machines boot, image and erase in about a second")
        parser.add_argument(
            "--metal",
            choices=virtual_metal.KINDS,
            default=virtual_metal.EMULATED,
            help="what the servers are: emulated (default), or virtual machines that boot real images (qemu)",
        )
        parser.add_argument(
            "--servers",
            type=int,
            default=0,
            metavar="N",
            help="so many servers of one type instead of the demo's fleet",
        )
        parser.add_argument("--reset", action="store_true", help="remove this portal's data first")
        parser.add_argument("--once", action="store_true", help="stop as soon as everything is healthy")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until stopped; a problem is one line on stderr and exit code 2."""
        chosen = Options(**{name: options[name] for name in Options.__dataclass_fields__ if name in options})
        try:
            Quickstart(chosen, self._say).run()
        except LaunchProblem as problem:
            self.stderr.write(str(problem))
            sys.exit(EXIT_PROBLEM)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
