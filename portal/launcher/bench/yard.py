"""A whole portal with one pool of emulated servers, started as the quickstart starts it, and a customer's program."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import httpx

from portal.core import clock
from portal.launcher.problems import LaunchProblem
from portal.launcher.quickstart import REPOSITORY, Options, Quickstart

MORE = {"METALYARD_SWEEP_SECONDS": "5", "METALYARD_API_REQUESTS_PER_MINUTE": "1000000"}
"""Machines of the fast demo, the sweeps of a production host."""
POLL_S = 0.1
POLL_SHARE = 0.01
"""Asked after as seldom as its figure bears: each answer tells of every server, and is made on the same processors."""
LIMIT_S = 900
LENGTH = timedelta(days=1)
GIVEN_UP = ("failed", "cancelled", "expired")


class Yard:
    """A portal that runs, with its workers' processes and a program that reserves."""

    def __init__(self, folder: Path, port: int, servers: int, say: Callable[[str], None]) -> None:
        """Say what is wanted; ``start`` starts it."""
        wanted = Options(port, folder, fast=True, reset=False, once=True, more=MORE, servers=servers)
        self.quickstart = Quickstart(wanted, say)

    def start(self) -> None:
        """Start everything and log in. Raises LaunchProblem."""
        supervisor = self.quickstart.start()
        self.workers = [item.process.pid for item in supervisor.running if item.service.name in ("worker", "sweeps")]
        self.env = self.quickstart.env
        demo = json.loads((self.quickstart.state.root / "demo.json").read_text())
        headers = {"Authorization": f"Bearer {demo['api_token']}"}
        self.http = httpx.Client(base_url=self.env["METALYARD_PUBLIC_URL"] + "/api/v1", headers=headers, timeout=120)
        offered = self.child("bench_child", "yard", "{}")
        self.sold = offered["sold"]
        self.key = self._post("/ssh-keys", {"name": "bench", "public_key": offered["public_key"]})["id"]

    def stop(self) -> None:
        """Stop everything."""
        self.quickstart.stack.close()

    def child(self, *argv: str) -> Any:
        """Return what a command of the portal writes as JSON on its last line. Raises LaunchProblem."""
        done = subprocess.run(
            [sys.executable, "manage.py", *argv],
            env=self.env,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LaunchProblem(f"{argv[0]} failed:\n{done.stderr[-4000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def hand_over(self, count: int) -> tuple[str, float]:
        """Reserve servers and wait until all are handed over; return the reservation and the seconds it took."""
        began = time.monotonic()
        body = {
            "name": f"bench-{count}",
            "count": count,
            "ends_at": f"{(clock.now() + LENGTH).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "placement": "same_fabric",
            "ssh_keys": [self.key],
            **self.sold,
        }
        made = str(self._post("/reservations", body)["id"])
        self._wait(made, "active")
        return made, time.monotonic() - began

    def give_back(self, reservation: str) -> None:
        """Release a reservation and wait until all of its servers are erased."""
        self._post(f"/reservations/{reservation}/release", {})
        self._wait(reservation, "ended")

    def _wait(self, reservation: str, state: str) -> None:
        began = time.monotonic()
        while (waited := time.monotonic() - began) < LIMIT_S:
            found = self.http.get(f"/reservations/{reservation}").raise_for_status().json()
            if found["state"] == state and not found["degraded"]:
                return
            if found["state"] in GIVEN_UP or found["degraded"]:
                raise LaunchProblem(f"{reservation} is {found['state']}: {found['state_reason']}")
            time.sleep(max(POLL_S, waited * POLL_SHARE))
        raise LaunchProblem(f"{reservation} was not {state} within {LIMIT_S} s")

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        reply = self.http.post(path, json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
        if reply.is_error:
            raise LaunchProblem(f"POST {path}: {reply.status_code} {reply.text[:1000]}")
        found: dict[str, Any] = reply.json()
        return found
