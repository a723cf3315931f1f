"""Signatures of OS images: over the bytes of the JSON that stands beside an image and names its digests. Pure.

Plain Ed25519 (RFC 8032), so that ``openssl pkeyutl`` makes and checks them too.
"""

import base64
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from portal.fleet.verify import key_id_of

SUFFIX = ".sig"
"""What the name of a description's signature has behind the description's own."""
KEY_BYTES = 32


class BadKey(Exception):
    """A key is none; the words say why."""


def signed(description: bytes, pem: bytes) -> bytes:
    """Return the signature by a private key in PEM. Raises BadKey."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise BadKey(f"no private key without a password: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey("no Ed25519 key: openssl genpkey -algorithm ed25519 makes one")
    return key.sign(description)


def public_key(text: str) -> bytes:
    """Return a public key that is written as base 64. Raises BadKey."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise BadKey(f"{text!r} is not base 64") from None
    if len(raw) != KEY_BYTES:
        raise BadKey(f"{text!r} has {len(raw)} bytes, a public Ed25519 key has {KEY_BYTES}")
    return raw


def signer_of(description: bytes, signature: bytes, trusted: Iterable[str]) -> str:
    """Return the fingerprint of the trusted key (given in base 64) that made a signature, or nothing. Raises BadKey."""
    for text in trusted:
        raw = public_key(text)
        try:
            Ed25519PublicKey.from_public_bytes(raw).verify(signature, description)
        except InvalidSignature:
            continue
        return key_id_of(raw)
    return ""
