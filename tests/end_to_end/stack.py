"""The whole product as a newcomer starts it, and a client that knows nothing but its API."""

import contextlib
import copy
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import redis

from portal.core import ids
from portal.launcher import guard
from portal.tenancy import tokens
from provisioning.simulator.faults import Faults

ROOT = Path(__file__).parent.parent.parent
START_LIMIT_S = 300
FAST = {
    "METALYARD_LEASE_SECONDS": "15",
    "METALYARD_BMC_TIMEOUT_S": "8",
    "METALYARD_BMC_POWER_TIMEOUT_S": "8",
    "METALYARD_SHUT_DOWN_GRACE_S": "8",
    # A check over SSH has 18 s: on a busy machine Ansible alone takes half of that to begin.
    "METALYARD_STEP_TIME_FACTOR": "0.1",
    "METALYARD_SWEEP_SECONDS": "1",
    "METALYARD_END_NOTICE_MINUTES": "1",
}
NOT_PASSED_ON = ("DATABASE_URL", "BROKER_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE", "METALYARD_STATE_DIR")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stack:
    """A running portal: its address, its API, its database, its emulated fleet."""

    def __init__(self, process, state_dir, log):
        self.process = process
        self.dir = state_dir
        self.log = log
        self.access = json.loads((state_dir / "access.json").read_text())
        self.url = self.access["url"].rstrip("/")
        self.api = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {self.access['api_token']}"},
            timeout=120,
        )

        self.faults = Faults(state_dir / "fleet" / "faults")

    def rows(self, sql, *values):
        with psycopg.connect(self.access["database_url"], autocommit=True) as connection:
            return connection.execute(sql, values).fetchall()

    def run_sql(self, sql, *values):
        with psycopg.connect(self.access["database_url"], autocommit=True) as connection:
            return connection.execute(sql, values).rowcount

    def server_names(self, reservation):
        return [
            name
            for (name,) in self.rows(
                "select s.name from reservations_allocation a join fleet_server s on s.id = a.server_id"
                " join reservations_reservation r on r.id = a.reservation_id"
                " where r.public_id = %s order by a.position",
                reservation,
            )
        ]

    def server_ids(self, reservation):
        """Return the ids of all servers that the reservation ever held, by name."""
        return dict(
            self.rows(
                "select s.name, s.public_id from reservations_allocation a join fleet_server s on s.id = a.server_id"
                " join reservations_reservation r on r.id = a.reservation_id where r.public_id = %s",
                reservation,
            )
        )

    def has_part(self, reservation, *, stage, percent=0):
        """Tell whether a server of the reservation is waited for in that stage, at least that far."""
        return self.rows(
            "select p.id from operations_operationserver p join operations_operation o on o.id = p.operation_id"
            " where o.subject = %s and p.state = 'awaiting' and p.stage = %s and p.percent >= %s",
            reservation,
            stage,
            percent,
        )

    def server_states(self, names):
        return dict(self.rows("select name, state from fleet_server where name = any(%s)", list(names)))

    def another_tenant(self):
        """Return an API client of the demo's second organization, by a token that only the database was told of."""
        token = tokens.new_token()
        issued = self.run_sql(
            "insert into tenancy_apitoken (public_id, created_at, project_id, name, role, prefix, secret_sha256)"
            " select %s, now(), p.id, 'end to end', 'operator', %s, %s from tenancy_project p"
            " join tenancy_organization o on o.id = p.organization_id where o.name = 'Halden Bio'",
            ids.new_id(ids.Prefix.TOKEN), token[: tokens.SHOWN_LENGTH], tokens.digest(token),
        )  # fmt: skip
        assert issued == 1
        other = copy.copy(self)
        other.api = httpx.Client(
            base_url=self.api.base_url, headers={"Authorization": f"Bearer {token}"}, timeout=self.api.timeout
        )
        return other

    def disk(self, name):
        return self.dir / "fleet" / "disks" / f"{name}.img"

    def console(self, name):
        """Return what a machine has written to its serial console."""
        return (self.dir / "fleet" / "console" / f"{name}.log").read_text().splitlines()

    def mark(self):
        """Return the mark that every process of this start carries."""
        environment = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in environment:
            for line in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                if line.startswith(guard.MARK.encode() + b"="):
                    return line.partition(b"=")[2].decode()
        raise AssertionError("no child carries the mark")

    def processes(self):
        """Return the command lines of this start's processes by pid."""
        found = {}
        for pid in guard.marked(self.mark()):
            with contextlib.suppress(OSError):
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def kill_workers(self):
        """Kill every Celery process and every Ansible run of theirs at once; return how many."""
        doomed = [pid for pid, line in self.processes().items() if "celery" in line]
        for pid in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(doomed)

    def wipe_broker(self):
        redis.Redis(unix_socket_path=str(next(self.dir.rglob("broker.sock")))).flushall()

    def bmc_log(self):
        path = self.dir / "fleet" / "bmc.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _environment(settings=FAST):
    kept = {key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON}
    return {**kept, **settings}


def _command(*options):
    return [sys.executable, "manage.py", "quickstart", *options]


def run_to_end(*options):
    """Run the command until it ends by itself; return its exit code and everything that it said."""
    if "--port" not in options:
        options = (*options, "--port", str(free_port()))
    done = subprocess.run(
        _command(*options),
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=START_LIMIT_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def start(state_dir, *options, limit_s=START_LIMIT_S, settings=FAST):
    """Start the product and wait until it is ready to work."""
    log_path = state_dir.parent / f"{state_dir.name}.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            _command("--state-dir", str(state_dir), "--port", str(free_port()), *options),
            cwd=ROOT,
            env=_environment(settings),
            stdout=log,
            stderr=log,
        )
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"quickstart ended early:\n{log_path.read_text()[-4000:]}")
        if _is_up(state_dir):
            return Stack(process, state_dir, log_path)
        time.sleep(0.3)
    process.kill()
    raise AssertionError(f"not up within {limit_s} s:\n{log_path.read_text()[-4000:]}")


def _is_up(state_dir):
    try:
        access = json.loads((state_dir / "access.json").read_text())
        return httpx.get(f"{access['url'].rstrip('/')}/readyz", timeout=30).status_code == 200
    except (OSError, ValueError, httpx.HTTPError):
        return False


def stop(stack):
    stack.api.close()
    stack.process.send_signal(signal.SIGINT)
    try:
        stack.process.wait(120)
    except subprocess.TimeoutExpired:
        stack.process.kill()
        raise


@contextmanager
def running(*options, limit_s=START_LIMIT_S, settings=FAST):
    folder = Path(tempfile.mkdtemp(prefix="metalyard-e2e-", dir="/var/tmp"))
    folder.chmod(0o755)
    stack = start(folder / "state", *options, limit_s=limit_s, settings=settings)
    try:
        yield stack
    finally:
        stop(stack)
        shutil.rmtree(folder, ignore_errors=True)
