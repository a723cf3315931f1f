"""Logging in to emulated machines, as a customer does, with a real SSH client."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import asyncssh

KEY = asyncssh.generate_private_key("ssh-ed25519")
OTHER_KEY = asyncssh.generate_private_key("ssh-ed25519")


def public(key) -> str:
    return key.export_public_key().decode().strip()


@asynccontextmanager
async def session(spec, *, key=KEY, user="ubuntu", **more):
    connection = await asyncssh.connect(
        spec.ssh_host, spec.ssh_port, username=user, client_keys=[key], known_hosts=None, config=None,
        connect_timeout=60, **{"agent_path": None, **more},
    )  # fmt: skip
    async with connection:
        yield connection


def ask(spec, command, *, key=KEY, user="ubuntu", **more):
    """Run one command; gives (stdout, stderr, exit status)."""

    async def go():
        async with session(spec, key=key, user=user) as connection:
            found = await connection.run(command, **more)
            return found.stdout, found.stderr, found.exit_status

    return asyncio.run(go())


def host_key_of(spec) -> str:
    async def go():
        key = await asyncssh.get_server_host_key(spec.ssh_host, spec.ssh_port, config=None)
        return public(key)

    return asyncio.run(go())


def is_open(spec) -> bool:
    async def go():
        try:
            _, writer = await asyncio.open_connection(spec.ssh_host, spec.ssh_port)
        except OSError:
            return False
        writer.close()
        return True

    return asyncio.run(go())
