"""A server's serial console as its BMC logs it: Redfish's LogServices/HostLogger, in the form of OpenBMC's bmcweb.

See https://github.com/openbmc/bmcweb/blob/master/redfish-core/lib/systems_logservices_hostlogger.hpp. Each entry is
one line, the first one is 0, and ``Members@odata.count`` says how many there are. Nothing here writes to a BMC.
"""

import json
import re
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from django.conf import settings

from portal.fleet.models import Server
from provisioning.credentials import Login

MOST_LINES = 500
MOST_BYTES = 64 * 1024
"""Most lines, and bytes of text, that are taken at a time."""
MOST_REPLY_BYTES = 1024 * 1024
"""Longest reply that is read. Lines that do not fit into it are asked for one by one."""
MOST_COUNT = 1 << 53
TOO_LONG = "[a line that is too long to be shown]\n"
_COLOUR = r"\x1b\[[0-9;]{0,32}m"
# Titles of windows, movements of the cursor, and all other characters that do not print; also those that turn the
# direction of writing, with which text can look like what it is not.
_UNWANTED = re.compile(
    rf"(?P<colour>{_COLOUR})"
    r"|\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"
    r"|\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|\x1b[ -/]{0,8}[0-Z\\^-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)


class Unreadable(Exception):
    """The console cannot be read now; the message says why and holds no secret."""


class TooLarge(Unreadable):
    """The reply is longer than MOST_REPLY_BYTES."""


@dataclass(frozen=True)
class Entries:
    """How many lines the BMC has, and some of them."""

    count: int
    lines: Sequence[str]


def make_client() -> httpx.Client:
    """Return a client that believes BMCs with certificates of our CA only. Raises OSError without the CA's file."""
    trusted = ssl.create_default_context(cafile=settings.METALYARD_BMC_CA_FILE)
    return httpx.Client(
        verify=trusted, trust_env=False, follow_redirects=False, timeout=settings.METALYARD_BMC_TIMEOUT_S
    )


def entries_of(http: httpx.Client, server: Server, login: Login, skip: int, most: int) -> Entries:
    """Return up to ``most`` lines from ``skip`` on. Raises Unreadable."""
    url = f"{server.bmc.address}/redfish/v1/Systems/{server.system_uuid}/LogServices/HostLogger/Entries"
    return _entries(read(http, f"{url}?$skip={skip}&$top={most}", login), most)


def read(http: httpx.Client, url: str, login: Login) -> bytes:
    """Return what a BMC says at an address, with whichever password it takes. Raises Unreadable."""
    passwords = [login.password, *([login.next_password] if login.next_password else [])]
    try:
        for password in passwords:
            status, body = _get(http, url, (login.username, password))
            if status != 401:
                break
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    if status != 200:
        raise Unreadable(f"HTTP {status}")
    return body


def _get(http: httpx.Client, url: str, auth: tuple[str, str]) -> tuple[int, bytes]:
    """Return status and body. Raises httpx's errors, TimeoutError after twice the timeout in all, and TooLarge."""
    deadline, body = time.monotonic() + 2 * settings.METALYARD_BMC_TIMEOUT_S, b""
    with http.stream("GET", url, auth=auth) as reply:
        for part in reply.iter_bytes():
            body += part
            if len(body) > MOST_REPLY_BYTES:
                raise TooLarge(f"more than {MOST_REPLY_BYTES} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError("the reply does not end")
        return reply.status_code, body


def _entries(body: bytes, most: int) -> Entries:
    try:
        found = json.loads(body)
        count, members = found["Members@odata.count"], found["Members"]
        lines = [member["Message"] for member in members[:most]]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise Unreadable("this is no list of log entries") from error
    if not _is_count(count) or not all(isinstance(line, str) for line in lines):
        raise Unreadable("this is no list of log entries")
    return Entries(count, lines)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_COUNT


def plain(text: str) -> str:
    """Return text without what is not to be shown: everything that does not print but line ends, tabs and colours."""
    shown = _UNWANTED.sub(lambda found: found["colour"] or "", text)
    return shown.encode(errors="replace").decode()  # halves of surrogate pairs cannot be stored


def taken(lines: Sequence[str]) -> tuple[str, int]:
    """Return the first of the lines, cleaned and within MOST_BYTES, as one text, and how many they are.

    A single line that is longer is cut.
    """
    text, size = "", 0
    for number, line in enumerate(lines):
        cleaned = plain(line.rstrip("\r\n").replace("\r", "\n")) + "\n"
        size += len(cleaned.encode())
        if size > MOST_BYTES:
            return (text, number) if number else (cleaned.encode()[: MOST_BYTES - 1].decode(errors="ignore") + "\n", 1)
        text += cleaned
    return text, len(lines)
