"""Who may come in: the authorized_keys lines of sshd(8), and until when each is good."""

import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import asyncssh

log = logging.getLogger(__name__)

AGENT = "/usr/local/lib/metalyard/agent"
"""What the portal's one-time key may run on a delivered machine, and nothing else."""
AGENT_MARK = "METALYARD_AGENT"

# sshd(8), AUTHORIZED_KEYS FILE FORMAT: the options are one word, in which spaces stand within double quotes only.
_OPTIONS = re.compile(r'(?!(?:ssh|ecdsa|sk)-)(?:"(?:[^"\\]|\\.)*"|[^"\s])+(?=\s)')
# The same: expiry-time="YYYYMMDD[Z]" or "YYYYMMDDHHMM[SS][Z]"; names of options are case-insensitive.
_EXPIRY = re.compile(r'(?:^|,)expiry-time=(?P<value>"[^"]*"|[^,]*)', re.IGNORECASE)
_FORMS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


def _ends_at(text: str) -> datetime | None:
    """Read an expiry time; None for one that is malformed. A machine's own time zone is UTC."""
    digits = text.strip('"').upper().removesuffix("Z")
    form = _FORMS.get(len(digits))
    if form is None or not (digits.isascii() and digits.isdigit()):
        return None
    try:
        return datetime.strptime(digits, form).replace(tzinfo=UTC)
    except ValueError:
        return None


def valid_lines(lines: Sequence[str], now: datetime) -> list[str]:
    """Return the lines that are good at ``now``, without the expiry, which asyncssh does not know.

    A line whose expiry cannot be understood is good for nothing.
    """
    found = []
    for line in map(str.strip, lines):
        options = match[0] if (match := _OPTIONS.match(line)) else ""
        limits = [_ends_at(limit["value"]) for limit in _EXPIRY.finditer(options)]
        if all(limit is not None and now < limit for limit in limits):
            found.append((_EXPIRY.sub("", options).strip(",") + line[len(options) :]).strip())
    return found


def marked(lines: Sequence[str]) -> list[str]:
    """Return the lines with the portal's forced command as a mark in the session's environment instead.

    asyncssh does not tell a forced command what was asked for, as sshd does in SSH_ORIGINAL_COMMAND.
    """
    return [line.replace(f'command="{AGENT}"', f'environment="{AGENT_MARK}=1"', 1) for line in lines]


def read_keys(lines: Sequence[str]) -> asyncssh.SSHAuthorizedKeys | None:
    """Parse authorized_keys lines; a line that cannot be read lets nobody in and disturbs no other."""
    good = []
    for line in lines:
        try:
            if len(line.splitlines()) != 1:
                raise ValueError("it is not one line")
            asyncssh.import_authorized_keys(line + "\n")
        except ValueError as error:
            log.warning("authorized key ignored: %s", error)
        else:
            good.append(line)
    return asyncssh.import_authorized_keys("\n".join(good) + "\n") if good else None
