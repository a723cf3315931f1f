"""A PostgreSQL of our own: one cluster in one folder, reached over a unix socket only."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from portal.launcher import children, pg_binaries, pg_stale
from portal.launcher.identity import Account, give, service_account
from portal.launcher.pg_binaries import Binaries
from portal.launcher.problems import LaunchProblem

ROLE = "metalyard"
DATABASE = "metalyard"
SUPERUSER = "postgres"
START_LIMIT_S = 60.0
STOP_LIMIT_S = 8.0
SOCKET_LIMIT = 107
"""Longest unix socket path on Linux, see unix(7)."""

FOR_TESTS: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Settings that trade safety at power loss for speed."""


@dataclass
class Postgres:
    """A cluster in ``root`` (folders ``data`` and ``run``), started and stopped by this process."""

    root: Path
    log: Path
    options: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """Folder of the cluster."""
        return self.root / "data"

    @property
    def sockets(self) -> Path:
        """Folder of the socket."""
        return self.root / "run"

    def url(self, database: str = DATABASE) -> str:
        """Return the DATABASE_URL of ``database``."""
        return f"postgres://{ROLE}@/{quote(database)}?host={quote(str(self.sockets), safe='/')}"

    def is_alive(self) -> bool:
        """Tell whether the server that was started still runs."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> int:
        """Make the cluster where there is none, start it, and wait until the portal's database answers.

        Returns the major version.

        Raises LaunchProblem when PostgreSQL is missing or does not come up.
        """
        if len(os.fsencode(self.sockets / ".s.PGSQL.5432")) > SOCKET_LIMIT:
            raise LaunchProblem(f"The path {self.root} is too long for a socket: choose a shorter --state-dir.")
        binaries = pg_binaries.find(wanted_major=self._made_by())
        account = service_account()
        self._prepare(binaries, account)
        pg_stale.clear(self.data, self.sockets)
        self.process = self._launch(binaries, account)
        try:
            self._wait_ready(self.process)
            self._create_database()
        except BaseException:
            self.stop()
            raise
        return binaries.major

    def _made_by(self) -> int | None:
        marker = self.data / "PG_VERSION"
        return int(marker.read_text().strip()) if marker.exists() else None

    def _prepare(self, binaries: Binaries, account: Account | None) -> None:
        """Make the folders, and the cluster if there is none."""
        try:
            for folder in (self.data, self.sockets):
                folder.mkdir(mode=0o700, exist_ok=True)
                give(folder, account)
            self.log.touch()
        except OSError as error:
            raise LaunchProblem(f"Cannot prepare the database in {self.root}: {error.strerror}.") from error
        if self._made_by() is None:
            self._initdb(binaries, account)

    def _initdb(self, binaries: Binaries, account: Account | None) -> None:
        argv: list[str | Path] = [binaries.folder / "initdb", "--pgdata", self.data, "--username", SUPERUSER]
        argv += ["--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-instructions", "--no-sync"]
        with self.log.open("ab") as log:
            made = children.start(argv, env=binaries.env(), log=log, account=account, cwd=self.root).wait()
        if made != 0:
            raise LaunchProblem(f"PostgreSQL could not make its data folder: see {self.log}.")

    def _launch(self, binaries: Binaries, account: Account | None) -> "subprocess.Popen[bytes]":
        """Start the server. Its socket folder is closed to other users, which is why connections need no password."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "max_connections": "200",
            "shared_buffers": "64MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self.options,
        }
        argv: list[str | Path] = [binaries.folder / "postgres", "-D", self.data]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            # SIGINT is PostgreSQL's "fast" stop; SIGTERM would wait for every client to leave.
            return children.start(
                argv, env=binaries.env(), log=log, account=account, cwd=self.root, death_signal=signal.SIGINT
            )

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(host=str(self.sockets), user=SUPERUSER, dbname="postgres", autocommit=True)

    def _wait_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise LaunchProblem(f"PostgreSQL stopped while starting: see {self.log}.")
            with contextlib.suppress(psycopg.OperationalError), self._connect():
                return
            time.sleep(0.05)
        raise LaunchProblem(f"PostgreSQL did not answer within {START_LIMIT_S:.0f} s: see {self.log}.")

    def _create_database(self) -> None:
        """Make the portal's role, an ordinary one, and its database."""
        with self._connect() as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(ROLE)))
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                statement = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(statement.format(sql.Identifier(DATABASE), sql.Identifier(ROLE)))

    def stop(self) -> None:
        """Stop the server: "fast", which ends open sessions, and by force when that takes too long."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
