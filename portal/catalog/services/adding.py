"""Entering an image that was built: what its description says is checked against its file and its signature."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from portal.audit.services import record
from portal.catalog.models import FILE_NAME, OSImage
from portal.catalog.services.trust import trusted_signer
from portal.core.actors import Actor
from portal.core.errors import InvalidInput

TEXTS = ("slug", "name", "version", "default_user", "file_name", "encoding", "sha256", "disk_sha256")
SIZES = ("size_bytes", "disk_bytes")


@transaction.atomic
def add_image(
    *, actor: Actor, description: bytes, signature: bytes | None, folder: Path, slug: str = "", published: bool = True
) -> OSImage:
    """Enter the image that ``description`` (JSON, as the builder writes it) describes and whose file is in ``folder``.

    Where keys are trusted (METALYARD_IMAGE_KEYS), one of them must have signed the description's very bytes. With
    ``slug`` the image gets another short name than its own. Raises InvalidInput on ``description``, ``signature``,
    ``file_name``, ``slug`` or another field, and ImproperlyConfigured for a key that is none.
    """
    told = _read(description)
    signer = _signer(description, signature)
    _compare(told, folder)
    image = OSImage(
        **{name: told[name] for name in (*TEXTS, *SIZES)},
        description=description.decode() if signer else "",
        signature=signature.hex() if signer and signature else "",
        signed_by=signer,
        is_published=published,
    )
    image.slug = slug or image.slug
    try:
        image.full_clean()
    except ValidationError as error:
        field, texts = next(iter(error.message_dict.items()))
        raise InvalidInput.of(field, "invalid", f"{field}: {' '.join(texts)}") from None
    image.save()
    record(
        actor=actor,
        verb="image.added",
        target=image.public_id,
        data={"slug": image.slug, "sha256": image.sha256, "signed_by": signer},
    )
    return image


def _read(description: bytes) -> dict[str, Any]:
    try:
        told = json.loads(description.decode())
        good = (
            isinstance(told, dict)
            and all(isinstance(told[name], str) for name in TEXTS)
            and all(type(told[name]) is int for name in SIZES)
        )
    except (ValueError, KeyError, RecursionError):
        good = False
    if not good:
        wanted = ", ".join((*TEXTS, *SIZES))
        raise InvalidInput.of("description", "malformed", f"The description is no JSON object with {wanted}.")
    return dict(told)


def _signer(description: bytes, signature: bytes | None) -> str:
    """Return the fingerprint of the key that signed; empty where no keys are trusted. Raises InvalidInput."""
    if not settings.METALYARD_IMAGE_KEYS:
        return ""
    if signature is None:
        raise InvalidInput.of(
            "signature", "missing", "The image is not signed: sign its description with a trusted key."
        )
    if signer := trusted_signer(description, signature):
        return signer
    text = "No trusted key has made this signature of this description: neither of the two may have changed since."
    raise InvalidInput.of("signature", "wrong", text)


def _compare(told: dict[str, Any], folder: Path) -> None:
    """Raise InvalidInput unless the file is there and is what the description says."""
    name = told["file_name"]
    if not re.fullmatch(FILE_NAME, name):
        raise InvalidInput.of("file_name", "malformed", "A file name has letters, digits, dots, - and _.")
    path = folder / name
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidInput.of("file_name", "missing", f"{path} cannot be read: {error.strerror}.") from None
    if (size, digest) != (told["size_bytes"], told["sha256"]):
        text = f"{path} is not the file that is described: it has {size} bytes and SHA-256 {digest}."
        raise InvalidInput.of("sha256", "differs", text)
