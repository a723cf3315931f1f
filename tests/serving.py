"""The real application, served by processes of its own over the test's database, and programs that call it."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

from tests.racing import PATIENCE_S, Runner


def database_url():
    """Return the address of the test's database, for processes of their own."""
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}"))


@contextmanager
def serving(application="portal.wsgi:application", *, workers=2, threads=16):
    """Serve the application as a production host does; return its address. What tests it must be committed."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "portal.settings.test",
        "METALYARD_API_REQUESTS_PER_MINUTE": "100000",
    }
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", application]
    command += ["--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads)]
    with tempfile.TemporaryFile() as log, socket.socket() as line:
        # The server is given the socket itself: a port that is only known to be free may be another's by then.
        line.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{line.getsockname()[1]}"
        command += ["--bind", f"fd://{line.fileno()}"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, pass_fds=[line.fileno()])
        try:
            _await_health(process, url, log)
            yield url
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _await_health(process, url, log):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        if process.poll() is not None:
            log.seek(0)
            raise AssertionError(f"the server did not start: {log.read().decode(errors='replace')[-2000:]}")
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)


def send(url, token, path, body, key, **headers):
    """Send a POST; return its status, headers and body. Raises OSError where no reply comes."""
    request = urllib.request.Request(
        f"{url}/api/v1{path}",
        data=json.dumps(body).encode(),
        method="POST",
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            **headers,
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, dict(reply.headers), reply.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, dict(refusal.headers), refusal.read()


def crowd(count, act, at_once=32):
    """Let ``act(number)`` be done ``count`` times by some threads at once; return the outcomes in order."""
    numbers, outcomes, turn = iter(range(count)), [None] * count, threading.Lock()

    def work():
        while True:
            with turn:
                number = next(numbers, None)
            if number is None:
                return
            try:
                outcomes[number] = act(number)
            except Exception as error:  # noqa: BLE001 - the test looks at it
                outcomes[number] = error

    runners = [Runner(work) for _ in range(min(at_once, count))]
    for runner in runners:
        runner.join(600)
        assert not runner.is_alive(), "a thread hangs"
    return outcomes
