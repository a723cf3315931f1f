"""Whose signatures of images this installation trusts."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from portal.catalog.signatures import BadKey, signer_of


def trusted_signer(description: bytes, signature: bytes) -> str:
    """Return the fingerprint of the key in METALYARD_IMAGE_KEYS that made a signature; empty where none did.

    Raises ImproperlyConfigured for a key there that is none.
    """
    try:
        return signer_of(description, signature, settings.METALYARD_IMAGE_KEYS)
    except BadKey as error:
        raise ImproperlyConfigured(f"METALYARD_IMAGE_KEYS: {error}") from None
