"""``manage.py bench_child``: what ``bench`` has the portal do on a database of its own; not for people."""

import json
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.launcher.bench import billing_rows, through_django, world, yard_rows

WORKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "world": lambda _asked: world.build(),
    "through_django": through_django.measure,
    "yard": yard_rows.prepare,
    "queue_again": yard_rows.queue_again,
    "call_off": yard_rows.call_off,
    "close_month": billing_rows.close,
}


class Command(BaseCommand):
    """Do some work and write what came of it as a line of JSON."""

    help = "A part of 'bench': it writes rows and belongs on no database but a benchmark's."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("work", choices=sorted(WORKS))
        parser.add_argument("asked", help="what it needs to know, as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do the work."""
        self.stdout.write(json.dumps(WORKS[options["work"]](json.loads(options["asked"]))))
