"""Ask a delivered server for its name over SSH, trusting only the host keys it gave us and one throw-away key.

The private key lives in memory. Nothing the server says is run, stored or believed beyond a comparison.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import asyncssh
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal, printable

# A host name has at most 253 characters (RFC 1123); what is longer is not read.
_MAX_BYTES = 512
_RETRY_S = 0.5


@dataclass(frozen=True)
class Login:
    """Where to log in, as whom, and what proves each side to the other. `host_keys` are lines as in a .pub file."""

    host: str
    port: int
    user: str
    host_keys: list[str]
    private_key: str


async def read_hostname(login: Login, *, timeout_s: float) -> str:
    """What `hostname` prints on the server. Raises `Refusal` as `ask` does."""
    output = await ask(login, "hostname", timeout_s=timeout_s, most_bytes=_MAX_BYTES, until=b"\n")
    return printable(output.decode("utf-8", "replace"), 253)


async def ask(login: Login, question: str, *, timeout_s: float, most_bytes: int, until: bytes = b"") -> bytes:
    """What the server answers to `question`: its first `most_bytes`, or up to `until`. Retries while nobody listens.

    Raises `Refusal`: ssh_unreachable, ssh_host_key_mismatch, ssh_auth_failed, bad_variables.
    """
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
                return await _attempt(login, trusted, client_key, (question, most_bytes, until))
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
    login: Login, trusted: list[asyncssh.SSHKey], client_key: asyncssh.SSHKey, asked: tuple[str, int, bytes]
) -> bytes:
    question, most_bytes, until = asked
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
        process = await connection.create_process(question, encoding=None, stdin=asyncssh.DEVNULL)
        output = b""
        # Flow control stops a server that never stops talking: only so much is ever read.
        while not (until and until in output) and len(output) < most_bytes and not process.stdout.at_eof():
            output += await process.stdout.read(most_bytes - len(output))
        process.close()
    return output
