"""The processes of the demo beside database and broker: web, emulated fleet, worker, and sweeps with beat."""

import http.client
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from portal.launcher import guard
from portal.launcher.addresses import WEB_HOST
from portal.launcher.supervisor import Service

WEB_WORKERS, WEB_THREADS = 2, 8
WORKER_PROCESSES = 2
SOFT_STOP_S = 4
"""How long the worker lets tasks finish; what it cuts off is taken up again at the next start."""
WEB_IDLE_S = 75
"""How long a connection may be idle: longer than clients and proxies keep one; what is sent into its end is lost."""


def web(port: int, env: Mapping[str, str]) -> Service:
    """Return the web server."""
    options = {
        "--bind": f"{WEB_HOST}:{port}",
        "--worker-class": "gthread",
        "--workers": str(WEB_WORKERS),
        "--threads": str(WEB_THREADS),
        "--graceful-timeout": "2",
        "--keep-alive": str(WEB_IDLE_S),
        "--access-logfile": "-",
    }
    argv = [part for option in options.items() for part in option]
    command = (sys.executable, "-m", "gunicorn", "--no-control-socket", *argv, "portal.wsgi")
    return Service("web", command, env, ready=lambda _log, _start: answers(port, "/healthz"))


def answers(port: int, path: str) -> bool:
    """Tell whether the portal answers a GET of ``path`` with success."""
    connection = http.client.HTTPConnection(WEB_HOST, port, timeout=10)
    try:
        connection.request("GET", path, headers={"User-Agent": "metalyard-quickstart"})
        return 200 <= connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def fleet(folder: Path, env: Mapping[str, str]) -> Service:
    """Return the emulated fleet with its files in ``folder``."""
    sign = folder / "ready"
    sign.unlink(missing_ok=True)
    argv = (sys.executable, "-m", "provisioning.simulator", "--fleet", str(folder / "fleet.json"), "--dir", str(folder))
    # The machines know nothing of the portal's secrets.
    known = {name: env[name] for name in ("PATH", "PYTHONUNBUFFERED", guard.MARK)}
    return Service("fleet", argv, known, ready=lambda _log, _start: sign.exists(), stop_limit_s=2.0)


def sweeps(beat_file: Path, env: Mapping[str, str]) -> Service:
    """Return the Celery worker of the sweeps, which also carries beat: one process less than in production."""
    return _celery("sweeps", env, Says(b" ready."), "--beat", "--schedule", str(beat_file), "-Q", "sweeps", "-c", "1")


def worker(port: int, env: Mapping[str, str]) -> Service:
    """Return the Celery worker of operations; it serves once the portal at ``port`` has seen that all workers live."""
    started = Says(b" ready.")
    return _celery(
        "worker",
        env,
        lambda log, start: started(log, start) and answers(port, "/readyz"),
        "-c",
        str(WORKER_PROCESSES),
    )


def _celery(name: str, env: Mapping[str, str], ready: Callable[[Path, int], bool], *options: str) -> Service:
    argv = [sys.executable, "-m", "celery", "-A", "portal.celery", "worker", *options, "--pool", "prefork"]
    argv += ["--loglevel", "INFO", "--without-gossip", "--without-mingle", "--hostname", f"{name}@%h"]
    argv += ["--", f"worker.soft_shutdown_timeout={SOFT_STOP_S}"]
    # SIGTERM alone would wait for running tasks without limit.
    return Service(name, tuple(argv), {**env, "REMAP_SIGTERM": "SIGQUIT"}, ready=ready, stop_limit_s=SOFT_STOP_S + 2.0)


class Says:
    """Readiness by a line in the log, for programs that have no address to ask."""

    def __init__(self, words: bytes) -> None:
        """Wait for ``words``."""
        self.words = words

    def __call__(self, log: Path, start: int) -> bool:
        """Tell whether the words were written after ``start``."""
        with log.open("rb") as file:
            file.seek(start)
            return self.words in file.read()
