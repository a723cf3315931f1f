"""The benchmark's own PostgreSQL, and the children that are the portal on one of its databases."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from portal.launcher.identity import service_account
from portal.launcher.postgres import ROLE, SUPERUSER, Postgres
from portal.launcher.problems import LaunchProblem

REPOSITORY = Path(__file__).resolve().parents[3]
SETTINGS: Mapping[str, str] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "jit": "off",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "maintenance_work_mem": "512MB",
    "random_page_cost": "1.1",
    "max_connections": "200",
    "deadlock_timeout": "200ms",
}
"""What a production server has too: nothing that a power loss would punish."""

Connection = psycopg.Connection[tuple[Any, ...]]


class Cluster:
    """A server with one database per fleet, in ``root``."""

    def __init__(self, root: Path, shared_buffers: str) -> None:
        """Say where it is; ``start`` makes it."""
        root.chmod(0o711 if service_account() is not None else 0o700)
        self.root = root
        self.server = Postgres(root, root / "postgres.log", {**SETTINGS, "shared_buffers": shared_buffers})
        self.major = 0

    def start(self) -> None:
        """Start the server. Raises LaunchProblem."""
        self.major = self.server.start()

    def stop(self) -> None:
        """Stop the server."""
        self.server.stop()

    def create(self, database: str, template: str = "template1") -> bool:
        """Make a database like ``template``; tell whether it is new."""
        with self.connect("postgres") as admin:
            if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                return False
            names = [sql.Identifier(name) for name in (database, ROLE, template)]
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(*names))
        return True

    def connect(self, database: str) -> Connection:
        """Return a connection that commits each statement by itself, as the superuser."""
        made = psycopg.connect(host=str(self.server.sockets), user=SUPERUSER, dbname=database, autocommit=True)
        made.prepare_threshold = 0
        return made

    def environment(self, database: str) -> dict[str, str]:
        """Return what the portal needs to know to run on a database."""
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "DATABASE_URL": self.server.url(database),
            "BROKER_URL": "memory://",
            "SECRET_KEY": "a benchmark's key protects nothing, and is long enough to say so",
            "METALYARD_SECRETS_KEYS": "zqjGJGhTOsc8wAPyOGMDRi4JwJGQeAkYPqGRWPh0pPE=",
            "METALYARD_CERTIFICATE_KEY": "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
            "ALLOWED_HOSTS": "testserver",
            "METALYARD_STATE_DIR": str(self.root / "state"),
            "METALYARD_API_REQUESTS_PER_MINUTE": "1000000",
            "DEBUG": "0",
            "LOG_LEVEL": "ERROR",
            "PYTHONUNBUFFERED": "1",
        }

    def portal(self, work: str, database: str, **asked: Any) -> Any:
        """Have ``manage.py bench_child`` do some work as the portal on a database, and return what it wrote as JSON.

        Raises LaunchProblem with its last words.
        """
        argv = [sys.executable, "manage.py", "bench_child", work, json.dumps(asked)]
        done = subprocess.run(
            argv, env=self.environment(database), cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise LaunchProblem(f"bench_child {work} failed on {database}:\n{done.stderr[-4000:]}")
        return json.loads(done.stdout.splitlines()[-1])
