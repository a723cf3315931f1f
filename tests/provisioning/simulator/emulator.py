"""The emulated fleet as a process of its own, as the demo runs it."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

# Fleets that run at once have addresses of their own: a port that one has found free, another must not take.
NETWORK = 250 - int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def until(condition, limit_s: float = 60.0):
    """Wait until the condition gives something true, and return that."""
    deadline = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)
    return found


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as free:
        free.bind((host, 0))
        return free.getsockname()[1]


def uuid_of(number: int) -> str:
    return f"7e57ab1e-0000-4000-8000-{number:012d}"


def entry(number: int, **changes) -> dict:
    """One server of a fleet file; it logs in as user<number> with password-<number>."""
    host = f"127.77.{NETWORK}.{number + 1}"
    return {
        "name": f"srv-{number}", "uuid": uuid_of(number), "serial": f"SN{number}", "model": "H100",
        "bmc_user": f"user{number}", "bmc_password_sha256": hashlib.sha256(f"password-{number}".encode()).hexdigest(),
        "mac": f"52:54:00:00:00:{number:02x}", "disk_bytes": 3 << 19, "drive_serial": f"D{number}",
        "drive_model": "Emulated 1", "drive_firmware": "E1",
        "ssh_host": host, "ssh_port": free_port(host), "gpu_model": "H100", "gpu_count": 8, "cpu": "x",
        "memory_gb": 64,
    } | changes  # fmt: skip


def write_fleet(folder, servers, *, cert, key, port=None, **changes):
    """Write folder/fleet.json and return the port of its BMCs."""
    port = port or free_port()
    bmc = {"host": "127.0.0.1", "port": port, "cert": str(cert), "key": str(key)}
    (folder / "fleet.json").write_text(json.dumps({"bmc": bmc, "timings": {}, "servers": servers} | changes))
    return port


def start(folder, **streams) -> subprocess.Popen:
    """Start the emulator over folder/fleet.json."""
    files = ["--fleet", str(folder / "fleet.json"), "--dir", str(folder)]
    return subprocess.Popen([sys.executable, "-m", "provisioning.simulator", *files], **streams)


@contextmanager
def running(folder):
    """The emulator, ready; it is ended when the block ends."""
    process = start(folder, stderr=subprocess.DEVNULL)
    try:
        until(lambda: (folder / "ready").exists() or process.poll() is not None, 120)
        assert process.poll() is None, "the emulator ended"
        yield process
    finally:
        process.terminate()
        process.wait(60)
