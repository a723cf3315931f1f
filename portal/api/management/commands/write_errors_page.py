"""Write docs/errors.md anew."""

from typing import Any

from django.core.management.base import BaseCommand

from portal.api.error_page import PATH, errors_page


class Command(BaseCommand):
    """The command."""

    help = "Write docs/errors.md from the tables of problems, failures and events."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file."""
        PATH.write_text(errors_page())
        self.stdout.write(f"wrote {PATH}")
