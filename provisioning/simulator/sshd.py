"""A real SSH server per booted machine, all in one event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncssh

from provisioning.simulator.cluster import MOST_CHARS, QUESTIONS, Address, Member
from provisioning.simulator.keys import AGENT_MARK, marked, read_keys, valid_lines
from provisioning.simulator.portal_agent import answer_agent
from provisioning.simulator.shell import Answer, Host, answer, welcome

Result = TypeVar("Result")

LIMIT_S = 10
"""How long the loop may take to open or close a server."""
LOGIN_LIMIT_S = 60
Process = asyncssh.SSHServerProcess[str]


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        """Start the loop."""
        self.loop = asyncio.new_event_loop()
        self.members: dict[Address, Member] = {}
        threading.Thread(target=self.loop.run_forever, name="sshd", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run ``work`` in the loop and wait for it. Raises TimeoutError when the loop is stuck."""
        waiting = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return waiting.result(LIMIT_S)
        except TimeoutError:
            waiting.cancel()
            raise


class Sshd:
    """The SSH server of one booted machine."""

    def __init__(
        self,
        loop: Loop,
        host: Host,
        header: dict[str, Any],
        seed: dict[str, Any],
        host_key: str,
        remember: Callable[[dict[str, Any]], None] = lambda _known: None,
    ) -> None:
        """Prepare to serve ``host``; ``remember`` keeps what it was handed over in the seed, as ``handover``."""
        self.loop = loop
        self.member = Member(host, seed.get("handover") or {}, loop.members, remember)
        self.host = replace(host, files=self.member.files)
        self.header = header
        self.keys: Sequence[str] = [line for line in seed.get("ssh_authorized_keys", []) if isinstance(line, str)]
        self.host_key = host_key
        self.listener: asyncssh.SSHAcceptor | None = None
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self.closed = False

    def start(self) -> None:
        """Listen. Raises OSError when the address, ValueError when the host key cannot be used."""
        self.listener = self.loop.run(self._listen())

    async def _listen(self) -> asyncssh.SSHAcceptor:
        host_key = asyncssh.import_private_key(self.host_key)
        self.member.host_key = host_key.export_public_key().decode().strip()
        listener = await asyncssh.listen(
            self.host.spec.ssh_host,
            self.host.spec.ssh_port,
            server_factory=lambda: Door(self),
            server_host_keys=[host_key],
            process_factory=self._serve,
            agent_forwarding=False,
            allow_scp=False,
            config=None,
            errors="replace",
            login_timeout=LOGIN_LIMIT_S,
            reuse_address=True,
        )
        self.loop.members[self.host.spec.ssh_host, self.host.spec.ssh_port] = self.member
        return listener

    def stop(self) -> None:
        """Drop every connection and stop listening."""
        if self.listener is not None:
            self.loop.run(self._close(self.listener))
            self.listener = None

    async def _close(self, listener: asyncssh.SSHAcceptor) -> None:
        # Waiting for the listener to be closed would be to wait for its clients, from Python 3.12 on.
        self.closed = True
        address = self.host.spec.ssh_host, self.host.spec.ssh_port
        if self.loop.members.get(address) is self.member:
            del self.loop.members[address]
        listener.close()
        for connection in list(self.connections):
            connection.abort()

    async def _serve(self, process: Process) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):
            if process.subsystem is not None:
                process.stderr.write(f"subsystem {process.subsystem}: there is none (emulated server)\n")
                process.exit(1)
            elif process.env.get(AGENT_MARK):
                self._say(process, await self._answer(process))
            elif process.command is not None:
                self._say(process, answer(self.host, process.command))
            else:
                await self._talk(process)

    async def _answer(self, process: Process) -> Answer:
        question = process.command or ""
        if question not in QUESTIONS:
            return answer_agent(self.host, question)
        return self.member.answer(question, "" if question == "cluster-key" else await _given(process))

    def _say(self, process: Process, found: Answer) -> None:
        process.stdout.write(found.out)
        process.stderr.write(found.err)
        process.exit(found.status)

    async def _talk(self, process: Process) -> None:
        prompt = f"{self.host.user}@{self.host.hostname}:~$ "
        process.stdout.write(welcome(self.host, self.header) + prompt)
        while line := await _line(process, prompt):
            if line.strip() in ("exit", "logout"):
                break
            found = answer(self.host, line)
            process.stdout.write(found.out + found.err + prompt)
            await process.stdout.drain()
        process.exit(0)


async def _given(process: Process) -> str:
    """Return all that comes on standard input, or as much of it as is listened to."""
    found = ""
    while len(found) < MOST_CHARS and (more := await process.stdin.read(MOST_CHARS)):
        found += more
    return found


async def _line(process: Process, prompt: str) -> str:
    """Return the next line, empty at the end of input. Ctrl-C gives a new prompt, a resized window nothing."""
    while True:
        try:
            return await process.stdin.readline()
        except (asyncssh.BreakReceived, asyncssh.SignalReceived):
            process.stdout.write("\n" + prompt)
        except asyncssh.TerminalSizeChanged:
            continue


class Door(asyncssh.SSHServer):
    """Lets in the seed's user with the seed's keys, and nobody else, for as long as the machine has power."""

    def __init__(self, sshd: Sshd) -> None:
        """Guard ``sshd``."""
        self.sshd = sshd
        self.connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, connection: asyncssh.SSHServerConnection) -> None:
        """Remember the connection, whatever it is going to be used for."""
        self.connection = connection
        if self.sshd.closed:
            connection.abort()
        else:
            self.sshd.connections.add(connection)

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the connection."""
        if self.connection is not None:
            self.sshd.connections.discard(self.connection)

    def begin_auth(self, username: str) -> bool:
        """Offer the keys that are valid now to the one user there is."""
        now = datetime.now(UTC)  # noqa: TID251 - a machine has its own clock
        keys = read_keys(marked(valid_lines(self.sshd.keys, now)))
        if username == self.sshd.host.user and keys is not None and self.connection is not None:
            self.connection.set_authorized_keys(keys)
        return True
