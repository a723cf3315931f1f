"""Look whether the calendar of free time says what the allocations say."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.reservations import calendar

SHOWN = 20


class Command(BaseCommand):
    """The command."""

    help = (
        "Compare the free spans of all servers, and the timeline, with the allocations. Exits with 1 where they differ."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--rebuild", action="store_true", help="Make the calendar anew first; bookings wait.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what is wrong. Raises CommandError where anything is."""
        if options["rebuild"]:
            calendar.restore()
            self.stdout.write("The calendar is made anew.")
        faults = calendar.faults()
        for fault in faults[:SHOWN]:
            self.stdout.write(fault)
        if len(faults) > SHOWN:
            self.stdout.write(f"... and {len(faults) - SHOWN} more")
        if faults:
            again = "" if options["rebuild"] else " Run again with --rebuild."
            raise CommandError(f"The calendar has {len(faults)} faults.{again}")
        self.stdout.write("The calendar is right.")
