"""Typed public ids: a prefix that names the kind of thing and a ULID, stable for the life of the row.

The ULID layout (48 bits of milliseconds, 80 random bits, Crockford base 32) follows https://github.com/ulid/spec.
"""

import re
import secrets
from enum import StrEnum

from portal.core import clock

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
"""Two digits at a time: every row that is written has an id."""
ULID_LENGTH = 26
MAX_LENGTH = 40
_PATTERN = re.compile(rf"([a-z]{{2,5}})_([{ALPHABET}]{{{ULID_LENGTH}}})")


class Prefix(StrEnum):
    """What a public id may name. A prefix is never reused for another kind."""

    ORGANIZATION = "org"
    PROJECT = "prj"
    USER = "usr"
    MEMBER = "mem"
    SSH_KEY = "key"
    TOKEN = "tok"  # noqa: S105 - a prefix, not a secret
    REGION = "reg"
    FABRIC = "fab"
    SERVER = "srv"
    IMAGE = "img"
    IMAGE_IMPORT = "imi"
    RESERVATION = "res"
    ALLOCATION = "alo"
    OPERATION = "op"
    EVENT = "evt"
    QUOTA = "qta"
    QUOTA_REQUEST = "qtr"
    QUOTE = "quo"
    WAITLIST = "wai"
    CERTIFICATE = "crt"
    CONSOLE = "con"
    SLA_TIER = "slt"
    PRICE_BOOK = "prb"
    FEE = "fee"
    SUPPORT_TIER = "sup"
    CONTRACT = "ctr"
    CONTRACT_LINE = "ctl"
    APPROVAL = "apr"
    ACCOUNT = "acc"
    ENTRY = "ent"
    INVOICE = "inv"
    CREDIT_NOTE = "crn"
    PAYMENT = "pay"
    BUDGET = "bud"
    OUTAGE = "out"
    CREDIT = "cre"
    GRANT = "gra"
    INCIDENT = "inc"
    MAINTENANCE = "mnt"
    WEBHOOK = "whk"
    MESSAGE = "msg"


def encode_base32(number: int, length: int) -> str:
    """Write ``number`` in Crockford base 32, most significant digit first, padded to ``length``."""
    pairs = []
    for _ in range(0, length, 2):
        pairs.append(PAIRS[number & 1023])
        number >>= 10
    return "".join(reversed(pairs))[-length:]


def new_id(prefix: str) -> str:
    """Return a fresh id such as ``res_01j...``. Ids made later sort later, to the millisecond."""
    millis = int(clock.now().timestamp() * 1000)
    return f"{prefix}_{encode_base32((millis << 80) | secrets.randbits(80), ULID_LENGTH)}"


def has_prefix(public_id: str, prefix: str) -> bool:
    """Tell whether ``public_id`` is well formed and of the kind ``prefix``."""
    match = _PATTERN.fullmatch(public_id)
    return match is not None and match[1] == prefix
