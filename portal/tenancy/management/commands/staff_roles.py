"""``manage.py staff_roles``: what each role of the staff may do in the admin."""

from typing import Any

from django.core.management.base import BaseCommand

from portal.tenancy.staff import ensure_groups


class Command(BaseCommand):
    """Bring the groups of the staff roles up to date. Safe to repeat; run it after each migrate."""

    help = "Bring the groups of the staff roles up to date with the product's table of permissions."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Update the groups and say what there is."""
        for group in ensure_groups():
            self.stdout.write(f"{group.name}: {group.permissions.count()} permissions")
