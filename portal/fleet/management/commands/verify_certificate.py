"""``manage.py verify_certificate``: the same as ``deploy/metalyard verify``."""

import sys

from django.core.management.base import BaseCommand

from portal.fleet.verify import main


class Command(BaseCommand):
    """Check certificates of erasure. The arguments are handed on as they are: it has no options of its own."""

    def run_from_argv(self, argv: list[str]) -> None:
        """Check the files that are named, and exit with what that comes to."""
        sys.exit(main(argv[2:]))
