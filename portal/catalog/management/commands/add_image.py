"""Enter an OS image into the catalogue."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.catalog.services.adding import add_image
from portal.catalog.signatures import SUFFIX
from portal.core.actors import SYSTEM
from portal.core.errors import DomainError


class Command(BaseCommand):
    """The command."""

    help = "Enter an image whose file is in METALYARD_IMAGE_DIR, by the JSON that its builder wrote, and its signature."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "description", type=Path, help=f"such as debian-12.json; the signature is in the same name with {SUFFIX}"
        )
        parser.add_argument("--slug", default="", help="another short name than the description's")
        parser.add_argument(
            "--withdrawn", action="store_true", help="do not offer it yet; staff publish it in the admin"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Enter it. Raises CommandError that says what is wrong."""
        path: Path = options["description"]
        signature = path.with_name(path.name + SUFFIX)
        try:
            image = add_image(
                actor=SYSTEM,
                description=path.read_bytes(),
                signature=signature.read_bytes() if signature.exists() else None,
                folder=settings.METALYARD_IMAGE_DIR,
                slug=options["slug"],
                published=not options["withdrawn"],
            )
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from None
        except DomainError as error:
            raise CommandError(error.detail) from None
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        by = f"signed by {image.signed_by[:16]}" if image.signed_by else "not signed: METALYARD_IMAGE_KEYS is empty"
        self.stdout.write(f"{image.slug} is in the catalogue ({by}).")
