"""Signatures of OS images: over the bytes of the JSON that stands beside an image and names its digests. Pure.

Plain Ed25519 (RFC 8032), so that ``openssl pkeyutl`` makes and checks them too.
"""

import base64
import hashlib
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SUFFIX = ".sig"
"""What the name of a description's signature has behind the description's own."""
KEY_BYTES, SIGNATURE_BYTES = 32, 64


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
    """Return the trusted key (in base 64, as it is given) that made a signature, or nothing. Raises BadKey."""
    for text in trusted:
        try:
            Ed25519PublicKey.from_public_bytes(public_key(text)).verify(signature, description)
        except InvalidSignature:
            continue
        return text
    return ""


def fingerprint(text: str) -> str:
    """Return the SHA-256 of a public key in base 64, which it is recognised by. Raises BadKey."""
    return hashlib.sha256(public_key(text)).hexdigest()
