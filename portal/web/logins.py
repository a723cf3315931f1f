"""How to log in to a server that is handed over, and how to know that it is that server."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portal.reservations.handover.access import known_name
from portal.reservations.models import Allocation


@dataclass(frozen=True)
class Login:
    """The ssh line of one server, and the lines that prove that it is that server."""

    id: str
    hostname: str
    command: str
    known_hosts: Sequence[str]


def login_of(allocation: Allocation) -> Login:
    """Return the ssh line and the known_hosts lines of a handed-over server."""
    server = allocation.server
    address = known_name(server.ssh_host, server.ssh_port)
    return Login(
        id=server.public_id,
        hostname=allocation.hostname,
        command=f"ssh -p {server.ssh_port} {allocation.login_user}@{server.ssh_host}",
        known_hosts=[f"{address} {key}" for key in allocation.login_keys],
    )


def key_names(public_keys: Iterable[str]) -> list[str]:
    """Return what people call their keys: the comment at the end of the line, or else the key's type (sshd(8))."""
    parts = [line.split(None, 2) for line in public_keys]
    return [words[2] if len(words) > 2 else words[0] for words in parts if words]
