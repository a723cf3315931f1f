"""``manage.py write_state_diagrams``: the page of all states, anew from the tables."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from portal.launcher.state_diagrams import document

PAGE = Path("docs", "states.md")


class Command(BaseCommand):
    """Write ``docs/states.md``."""

    help = "Write the page of all states from the tables that the code runs on."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--to", type=Path, default=settings.BASE_DIR / PAGE, help=f"file to write (default: {PAGE})"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the page and say where."""
        page: Path = options["to"]
        page.write_text(document(), encoding="utf-8")
        self.stdout.write(f"Wrote {page}.")
