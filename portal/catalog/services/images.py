"""Images: offered and withdrawn, and customers' own, fetched by their address."""

import re
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from portal.audit.services import record
from portal.audit.transitions import advance
from portal.catalog.import_failures import explain_import
from portal.catalog.models import ImageImport, OSImage
from portal.catalog.selectors import own_images
from portal.catalog.services.trust import trusted_signer
from portal.catalog.states import FETCH_LIMIT, IMAGE_IMPORT, ImportState
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import FieldError, ImageLimitReached, InvalidInput, StateConflict
from portal.core.locks import lock_row, lock_rows
from portal.core.waking import wake_worker
from portal.tenancy.models import Project
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

FETCH_TASK = "provisioning.fetch_image"
NAME_LENGTH, URL_LENGTH = 80, 2000
DIGEST = re.compile(r"[0-9a-f]{64}")
USER_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
"""As useradd(8) of Debian takes them."""


@transaction.atomic
def publish_image(*, actor: Actor, image: OSImage, published: bool) -> None:
    """Offer an image to tenants, or withdraw it. Reservations that already chose it keep it.

    Raises StateConflict for an image for everybody that no trusted key has signed, where keys are trusted.
    """
    if published and image.project is None:
        _require_signed(image)
    if OSImage.objects.filter(pk=image.pk).exclude(is_published=published).update(is_published=published):
        record(
            actor=actor,
            verb="image.published" if published else "image.withdrawn",
            target=image.public_id,
            scope=image.project.organization.public_id if image.project else "",
        )
    image.is_published = published


def _require_signed(image: OSImage) -> None:
    signature = bytes.fromhex(image.signature)
    if settings.METALYARD_IMAGE_KEYS and not trusted_signer(image.description.encode(), signature):
        raise StateConflict(
            f"No key that is trusted now has signed {image}: sign it and enter it anew (manage.py add_image)."
        )


@transaction.atomic
def request_import(*, scope: Scope, actor: Actor, name: str, url: str, sha256: str, default_user: str) -> ImageImport:
    """Ask for an image of the project's own. It is fetched, checked and in the project's catalogue after a while.

    Raises Forbidden, InvalidInput on ``name``, ``url``, ``sha256`` or ``default_user``, and ImageLimitReached.
    """
    scope.require(Verb.MANAGE_IMAGES)
    name, sha256 = name.strip(), sha256.strip().lower()
    errors = [*_about_address(url), *_about_image(name, sha256, default_user)]
    if errors:
        raise InvalidInput(errors[0].detail if len(errors) == 1 else "Some fields need your attention.", errors=errors)
    lock_row(Project, scope.project.pk)
    _require_room(scope.project)
    made = ImageImport.objects.create(
        state=ImportState.QUEUED,
        state_deadline_at=clock.now() + (IMAGE_IMPORT.states[ImportState.QUEUED].deadline or FETCH_LIMIT),
        project=scope.project,
        name=name,
        # A scheme may be written in capitals (RFC 3986, section 3.1); the row is kept, and compared, without them.
        url=f"https{url[len('https') :]}",
        sha256=sha256,
        default_user=default_user,
        requested_by=actor.label[:200],
    )
    record(
        actor=actor,
        verb="image_import.requested",
        target=made.public_id,
        scope=scope.organization.public_id,
        data={"name": name, "url": made.url, "sha256": sha256},
    )
    transaction.on_commit(partial(wake_fetcher, made.pk))
    return made


def _about_address(url: str) -> list[FieldError]:
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return [
            FieldError("url", "malformed", "This is no address: give one such as https://images.example.com/a.raw.zst.")
        ]
    if len(url) > URL_LENGTH or not url.isprintable() or not url.isascii() or " " in url:
        text = f"An address has at most {URL_LENGTH} characters of ASCII, without spaces."
        return [FieldError("url", "malformed", text)]
    if parts.scheme != "https" or not parts.hostname or not port_is_fine:
        return [FieldError("url", "not_https", "Images are fetched over https only: give an address with https://.")]
    if parts.username is not None or parts.password is not None or parts.fragment:
        text = "Leave login and # part out of the address; a signed address (with ?...) is possible."
        return [FieldError("url", "malformed", text)]
    return []


def _about_image(name: str, sha256: str, default_user: str) -> list[FieldError]:
    errors = []
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
        errors.append(FieldError("name", "length", f"Give a name of 1 to {NAME_LENGTH} printable characters."))
    if not DIGEST.fullmatch(sha256):
        text = "Give the SHA-256 of the file as 64 hexadecimal digits: sha256sum FILE prints it."
        errors.append(FieldError("sha256", "malformed", text))
    # Our seed lets nobody log in as root: a server with such an image could never be handed over.
    if not USER_NAME.fullmatch(default_user) or default_user == "root":
        text = (
            "Give the user whom the image's cloud-init makes, such as ubuntu, and not root: lower-case letters, "
            "digits, - and _."
        )
        errors.append(FieldError("default_user", "malformed", text))
    return errors


def _require_room(project: Project) -> None:
    """Raise ImageLimitReached for a project that has, or waits for, as many images of its own as it may."""
    limit: int = settings.METALYARD_OWN_IMAGES
    open_ones = ImageImport.objects.filter(project=project, state__in=(ImportState.QUEUED, ImportState.FETCHING))
    if own_images(project).count() + open_ones.count() >= limit:
        raise ImageLimitReached(
            f"{project.name} has or waits for {limit} images of its own, and may have no more: withdraw one first.",
            extra={"limit": limit},
        )


def wake_fetcher(import_pk: int) -> None:
    """Tell a worker that an image is to be fetched. A lost message costs one sweep."""
    wake_worker(FETCH_TASK, [import_pk], otherwise=f"the sweep will pick up image import {import_pk}")


@dataclass(frozen=True)
class Fetched:
    """A file that was fetched and checked, and what it holds."""

    file_name: str
    size_bytes: int
    sha256: str
    encoding: str
    disk_bytes: int
    disk_sha256: str


@transaction.atomic
def begin_import(*, actor: Actor, import_pk: int) -> ImageImport | None:
    """Take an import into work; None when it is not waiting, or as many are in work as may be at once."""
    waiting = lock_rows(
        ImageImport.objects.filter(state__in=(ImportState.QUEUED, ImportState.FETCHING)).select_related("project")
    )
    busy = sum(row.state == ImportState.FETCHING for row in waiting)
    mine = next((row for row in waiting if row.pk == import_pk and row.state == ImportState.QUEUED), None)
    if mine is None or busy >= settings.METALYARD_IMPORTS_AT_ONCE:
        return None
    advance(mine, ImportState.FETCHING, actor=actor, scope=mine.project.organization.public_id)
    return mine


@transaction.atomic
def finish_import(*, actor: Actor, import_pk: int, fetched: Fetched) -> OSImage:
    """Put a fetched image into the project's catalogue. Raises StateConflict when the import is over."""
    row = lock_row(ImageImport, import_pk)
    if row.state != ImportState.FETCHING or fetched.sha256 != row.sha256:
        raise StateConflict(f"{row.public_id} is {row.state} and of {row.sha256}: this file is not its image.")
    image = OSImage(
        name=row.name,
        version=f"{clock.now():%Y-%m-%d}",
        default_user=row.default_user,
        file_name=fetched.file_name,
        size_bytes=fetched.size_bytes,
        sha256=fetched.sha256,
        encoding=fetched.encoding,
        disk_bytes=fetched.disk_bytes,
        disk_sha256=fetched.disk_sha256,
        project=row.project,
    )
    image.slug = image.public_id
    image.save()
    advance(row, ImportState.IMPORTED, actor=actor, scope=row.project.organization.public_id, image=image)
    return image


@transaction.atomic
def fail_import(*, actor: Actor, import_pk: int, code: str, detail: str = "") -> None:
    """Note that an image was not imported, and why; one that is over stays as it is."""
    row = lock_row(ImageImport, import_pk)
    if row.state not in (ImportState.QUEUED, ImportState.FETCHING):
        return
    advance(
        row,
        ImportState.FAILED,
        actor=actor,
        reason=explain_import(code),
        scope=row.project.organization.public_id,
        data={"error_code": code, "detail": detail[:500]},
        error_code=code,
    )


@transaction.atomic
def withdraw_own(*, scope: Scope, actor: Actor, image: OSImage) -> OSImage:
    """Take an image of the project's own out of its catalogue. Reservations that already chose it keep it.

    Raises Forbidden, and StateConflict when it is withdrawn already.
    """
    scope.require(Verb.MANAGE_IMAGES)
    fresh = lock_row(OSImage, image.pk)
    if not fresh.is_published:
        raise StateConflict(f"{fresh.name} is withdrawn already.")
    publish_image(actor=actor, image=fresh, published=False)
    return fresh
