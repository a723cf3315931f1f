"""``manage.py play_plainly``: what ``bench provisioning`` compares the worker with; not for people."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.operations.models import Operation
from provisioning.plain import play_plainly


class Command(BaseCommand):
    """Do an operation's playbooks by a plain ``ansible-playbook`` and write what that cost as a line of JSON."""

    help = "A part of 'bench': it acts on machines for an operation that no worker may have taken."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the argument."""
        parser.add_argument("operation", help="public id of the operation")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do the work."""
        operation = Operation.objects.select_related("image").get(public_id=options["operation"])
        self.stdout.write(json.dumps(asdict(play_plainly(operation))))
