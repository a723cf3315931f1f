"""Reading a public SSH key as people paste it."""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from portal.core.errors import InvalidInput

# RSA below 2048 bits is refused by current OpenSSH servers (RequiredRSASize); DSA was removed in OpenSSH 10.
TYPES = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
PRIVATE = ("PRIVATE KEY-----", "PuTTY-User-Key-File")
MIN_RSA_BITS = 2048
MAX_LENGTH = 8192
COMMENT_LENGTH = 100


@dataclass(frozen=True)
class ParsedKey:
    """A key that was understood: normalised line, type, SHA-256 fingerprint, comment."""

    line: str
    key_type: str
    fingerprint: str
    comment: str


def _refuse(code: str, detail: str) -> InvalidInput:
    return InvalidInput.of("public_key", code, detail)


def parse_public_key(text: str) -> ParsedKey:
    """Read one public key in OpenSSH form.

    Raises InvalidInput on ``public_key`` for a private key, several lines, options, an unknown or weak type,
    or a body that is not a key.
    """
    text = text.strip()
    if any(mark in text for mark in PRIVATE):
        raise _refuse("private_key", "This is a private key. Keep it secret and paste the .pub file instead.")
    if len(text) > MAX_LENGTH:
        raise _refuse("too_long", f"A public key has at most {MAX_LENGTH} characters.")
    if not text.isprintable():
        # Also what only some programs take for the end of a line, or what hides text from the eye.
        raise _refuse("several_lines", "Paste one key on one line, without control characters.")
    parts = text.split(None, 2)
    if len(parts) < 2 or parts[0] not in TYPES:
        raise _refuse("malformed", f"Start with the key type, one of: {', '.join(TYPES)}. Options are not accepted.")
    body = _checked_body(parts[0], parts[1])
    comment = (parts[2] if len(parts) == 3 else "")[:COMMENT_LENGTH].rstrip()
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")
    # Written anew: OpenSSH refuses base64 whose unused last bits are set, Python reads it.
    line = " ".join(filter(None, [parts[0], base64.b64encode(body).decode(), comment]))
    return ParsedKey(line=line, key_type=parts[0], fingerprint=f"SHA256:{digest}", comment=comment)


def _checked_body(key_type: str, encoded: str) -> bytes:
    try:
        body = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise _refuse("malformed", "The second word is not base64: the key was cut or altered.") from None
    name = key_type.encode()
    if not body.startswith(len(name).to_bytes(4, "big") + name):
        raise _refuse("malformed", f"The key's body is not of the type {key_type} that the line begins with.")
    try:
        key = load_ssh_public_key(f"{key_type} {encoded}".encode())
    except (ValueError, UnsupportedAlgorithm):
        raise _refuse("malformed", "The key's body cannot be read: the key was cut or altered.") from None
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise _refuse("weak", f"RSA keys need at least {MIN_RSA_BITS} bits; this one has {key.key_size}.")
    return body
