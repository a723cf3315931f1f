"""The form of an API token: ``my_live_<secret><checksum>``.

Prefix and checksum let secret scanners recognise one without asking us
(https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/).
"""

import hashlib
import secrets
import zlib

from portal.core.ids import encode_base32

LIVE = "my_live_"
TEST = "my_test_"
SECRET_LENGTH = 32
CHECKSUM_LENGTH = 7
SHOWN_LENGTH = 14


def _checksum(secret: str) -> str:
    return encode_base32(zlib.crc32(secret.encode()), CHECKSUM_LENGTH)


def new_token(prefix: str = LIVE) -> str:
    """Return a fresh token with 160 random bits."""
    secret = encode_base32(secrets.randbits(SECRET_LENGTH * 5), SECRET_LENGTH)
    return f"{prefix}{secret}{_checksum(secret)}"


def is_well_formed(token: str) -> bool:
    """Tell whether prefix, length and checksum fit, without asking the database."""
    for prefix in (LIVE, TEST):
        body = token.removeprefix(prefix)
        if body != token and len(body) == SECRET_LENGTH + CHECKSUM_LENGTH:
            return secrets.compare_digest(_checksum(body[:SECRET_LENGTH]).encode(), body[SECRET_LENGTH:].encode())
    return False


def digest(token: str) -> str:
    """Return what is stored instead of the token."""
    return hashlib.sha256(token.encode()).hexdigest()
