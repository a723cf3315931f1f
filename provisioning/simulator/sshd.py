"""A real SSH server per booted machine, all in one event loop."""

import asyncio
import logging
import re
import threading
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncssh

from provisioning.simulator.shell import Host, answer, welcome

log = logging.getLogger(__name__)
Result = TypeVar("Result")

# sshd(8), AUTHORIZED_KEYS FILE FORMAT: expiry-time="YYYYMMDDHHMM[SS][Z]"
_EXPIRY = re.compile(r'(^|,)expiry-time="(\d{12}|\d{14})Z?"')
START_LIMIT_S = 10


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        """Start the loop."""
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="sshd", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run ``work`` in the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(START_LIMIT_S)


def valid_lines(lines: Sequence[str], now: datetime) -> list[str]:
    """Return the authorized_keys lines that have not expired, with the options that asyncssh knows."""
    found = []
    for line in lines:
        match = _EXPIRY.search(line)
        if match:
            form = "%Y%m%d%H%M%S" if len(match[2]) == 14 else "%Y%m%d%H%M"
            if datetime.strptime(match[2], form).replace(tzinfo=UTC) <= now:
                continue
            line = _EXPIRY.sub("", line, count=1).lstrip(" ,")
        found.append(line)
    return found


def read_keys(lines: Sequence[str]) -> asyncssh.SSHAuthorizedKeys | None:
    """Parse authorized_keys lines; a line that cannot be read lets nobody in and disturbs no other."""
    good = []
    for line in lines:
        try:
            asyncssh.import_authorized_keys(line + "\n")
        except ValueError as error:
            log.warning("authorized key ignored: %s", error)
        else:
            good.append(line)
    return asyncssh.import_authorized_keys("\n".join(good) + "\n") if good else None


class Door(asyncssh.SSHServer):
    """Lets in the seed's user with the seed's keys, and nobody else."""

    def __init__(self, user: str, lines: Sequence[str]) -> None:
        """Remember who may come in."""
        self.user = user
        self.lines = lines
        self.connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, connection: asyncssh.SSHServerConnection) -> None:
        """Remember the connection."""
        self.connection = connection

    def begin_auth(self, username: str) -> bool:
        """Offer the keys that are valid now to the one user there is."""
        keys = read_keys(valid_lines(self.lines, datetime.now(UTC)))  # noqa: TID251 - a machine has its own clock
        if username == self.user and keys is not None and self.connection is not None:
            self.connection.set_authorized_keys(keys)
        return True


class Sshd:
    """The SSH server of one booted machine."""

    def __init__(self, loop: Loop, host: Host, header: dict[str, Any], seed: dict[str, Any], host_key: str) -> None:
        """Prepare to serve ``host``."""
        self.loop = loop
        self.host = host
        self.header = header
        self.seed = seed
        self.host_key = host_key
        self.listener: asyncssh.SSHAcceptor | None = None
        self.connections: set[asyncssh.SSHServerConnection] = set()

    def start(self) -> None:
        """Listen. Raises OSError when the address cannot be used."""
        self.listener = self.loop.run(self._listen())

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            self.host.spec.ssh_host,
            self.host.spec.ssh_port,
            server_factory=self._door,
            server_host_keys=[asyncssh.import_private_key(self.host_key)],
            process_factory=self._serve,
            config=None,
            reuse_address=True,
        )

    def _door(self) -> Door:
        return Door(self.host.user, self.seed.get("ssh_authorized_keys", []))

    async def _serve(self, process: "asyncssh.SSHServerProcess[str]") -> None:
        connection = process.get_extra_info("connection")
        self.connections.add(connection)
        try:
            if process.command is not None:
                self._answer(process, process.command)
                return
            process.stdout.write(welcome(self.host, self.header))
            await self._talk(process)
        finally:
            self.connections.discard(connection)

    def _answer(self, process: "asyncssh.SSHServerProcess[str]", line: str) -> None:
        found = answer(self.host, line)
        process.stdout.write(found.out)
        process.stderr.write(found.err)
        process.exit(found.status)

    async def _talk(self, process: "asyncssh.SSHServerProcess[str]") -> None:
        prompt = f"{self.host.user}@{self.host.hostname}:~$ "
        process.stdout.write(prompt)
        try:
            async for line in process.stdin:
                if line.strip() in ("exit", "logout"):
                    break
                found = answer(self.host, line)
                process.stdout.write(found.out + found.err + prompt)
        except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
            process.stdout.write("\n")
        process.exit(0)

    def stop(self) -> None:
        """Drop every session and stop listening."""
        if self.listener is not None:
            self.loop.run(self._close(self.listener))
            self.listener = None

    async def _close(self, listener: asyncssh.SSHAcceptor) -> None:
        listener.close()
        for connection in list(self.connections):
            connection.abort()
        await listener.wait_closed()
