"""Ask a delivered server over SSH, for its name and more, trusting only the host keys it gave and one throw-away key.

The private key lives in memory. Nothing the server says is run, stored or believed beyond a comparison.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncssh
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal, printable

# A host name has at most 253 characters (RFC 1123); what is longer is not read.
_MAX_BYTES = 512
_RETRY_S = 0.5
_MAX_COMPLAINT = 500
NEEDED = ("ssh_host", "ssh_port", "ssh_user", "ssh_host_keys", "ssh_verify_key", "tenant_hostname")
"""The host's variables that a plugin which asks servers takes."""


@dataclass(frozen=True)
class Login:
    """Where to log in, as whom, and what proves each side to the other. `host_keys` are lines as in a .pub file."""

    host: str
    port: int
    user: str
    host_keys: list[str]
    private_key: str


def login_of(values: Mapping[str, Any]) -> Login:
    """The login that a host's variables describe. Raises `Refusal`."""
    try:
        return Login(
            host=str(values["ssh_host"]),
            port=int(values["ssh_port"]),
            user=str(values["ssh_user"]),
            host_keys=[str(line) for line in values["ssh_host_keys"]],
            private_key=str(values["ssh_verify_key"]),
        )
    except (TypeError, ValueError) as error:
        raise Refusal("bad_variables", "ssh_port must be a number and ssh_host_keys a list.") from error


@dataclass(frozen=True)
class _Question:
    text: str
    most_bytes: int
    until: bytes = b""
    given: bytes | None = None
    """What goes to its standard input; the answer then counts only when the command succeeds."""


async def read_hostname(login: Login, *, timeout_s: float) -> str:
    """What `hostname` prints on the server. Raises `Refusal` as `ask` does."""
    output = await ask(login, "hostname", timeout_s=timeout_s, most_bytes=_MAX_BYTES, until=b"\n")
    return printable(output.decode("utf-8", "replace"), 253)


async def ask(login: Login, question: str, *, timeout_s: float, most_bytes: int, until: bytes = b"") -> bytes:
    """What the server answers to `question`: its first `most_bytes`, or up to `until`. Retries while nobody listens.

    Raises `Refusal`: ssh_unreachable, ssh_host_key_mismatch, ssh_auth_failed, bad_variables.
    """
    return await _ask(login, _Question(question, most_bytes, until), timeout_s)


async def give(login: Login, question: str, given: bytes, *, timeout_s: float, most_bytes: int) -> bytes:
    """What the server answers to `question` after it read all of `given`. May give it more than once.

    Raises `Refusal` as `ask` does, and handover_failed when the server says that it did not do it.
    """
    return await _ask(login, _Question(question, most_bytes, given=given), timeout_s)


async def _ask(login: Login, question: _Question, timeout_s: float) -> bytes:
    try:
        trusted = [asyncssh.import_public_key(line) for line in login.host_keys]
        client_key = asyncssh.import_private_key(login.private_key)
    except asyncssh.KeyImportError as error:
        raise Refusal("bad_variables", f"An SSH key cannot be read ({type(error).__name__}).") from error
    if not trusted:
        raise Refusal("ssh_host_key_mismatch", "The server reported no host key, so nobody can be trusted there.")
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + max(deadline - time.monotonic(), 0.1)):
                return await _attempt(login, trusted, client_key, question)
        except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
            raise Refusal("ssh_host_key_mismatch", "The server does not show the host key it reported.") from error
        except asyncssh.PermissionDenied as error:
            raise Refusal("ssh_auth_failed", "The server does not accept the verification key.") from error
        except (OSError, TimeoutError, asyncssh.Error) as error:
            if time.monotonic() + _RETRY_S >= deadline:
                why = printable(f"{type(error).__name__} {error}")
                raise Refusal("ssh_unreachable", f"No SSH session within {timeout_s:g} s: {why}") from error
        await asyncio.sleep(_RETRY_S)


async def _attempt(
    login: Login, trusted: list[asyncssh.SSHKey], client_key: asyncssh.SSHKey, asked: _Question
) -> bytes:
    most_bytes, until = asked.most_bytes, asked.until
    connection = await asyncssh.connect(
        login.host,
        login.port,
        username=login.user,
        known_hosts=(trusted, [], []),
        client_keys=[client_key],
        # Nothing of the account that runs the worker may take part: no agent, no config, no other way in.
        config=[],
        agent_path=None,
        preferred_auth="publickey",
        compression_algs=None,
    )
    async with connection:
        stdin = asyncssh.DEVNULL if asked.given is None else asyncssh.PIPE
        process = await connection.create_process(asked.text, encoding=None, stdin=stdin)
        if asked.given is not None:
            process.stdin.write(asked.given)
            process.stdin.write_eof()
        output = b""
        # Flow control stops a server that never stops talking: only so much is ever read.
        while not (until and until in output) and len(output) < most_bytes and not process.stdout.at_eof():
            output += await process.stdout.read(most_bytes - len(output))
        if asked.given is not None:
            await _succeeded(process)
        process.close()
    return output


async def _succeeded(process: asyncssh.SSHClientProcess[bytes]) -> None:
    """Wait until the command is over. Raises `Refusal` where it did not succeed, with what it complains of."""
    complaint = await process.stderr.read(_MAX_COMPLAINT)
    await process.wait_closed()
    if process.exit_status != 0:
        why = printable(complaint.decode("utf-8", "replace"))
        raise Refusal("handover_failed", why or "The server gave no reason.")
