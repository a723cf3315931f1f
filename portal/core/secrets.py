"""Secrets at rest: text encrypted with the first of the configured keys, readable with any of them."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def _keys() -> MultiFernet:
    keys = [key for key in settings.METALYARD_SECRETS_KEYS if key]
    if not keys:
        raise ImproperlyConfigured("METALYARD_SECRETS_KEYS is empty: give at least one Fernet key.")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(f"METALYARD_SECRETS_KEYS: {error}") from None


def encrypt(text: str) -> str:
    """Return ``text`` encrypted for storage."""
    return _keys().encrypt(text.encode()).decode()


def decrypt(stored: str) -> str:
    """Return the text behind ``stored``. Raises ValueError when no configured key opens it."""
    try:
        return _keys().decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise ValueError("No configured key opens this secret.") from error
