"""The files under deploy/: what they name exists, and the units' own commands serve with production settings."""

import http.client
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import yaml
from cryptography.fernet import Fernet

from portal.launcher import guard
from portal.launcher.broker import Broker
from portal.launcher.lineup import Says
from portal.launcher.supervisor import Service, Supervisor
from tests.end_to_end.stack import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PROGRAMS = Path(sys.executable).parent
INSTALLED = "/srv/metalyard/.venv/bin"


def example() -> dict[str, str]:
    lines = (DEPLOY / "env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def command_of(unit: str) -> list[str]:
    text = (DEPLOY / "systemd" / unit).read_text()
    line = re.search(r"^ExecStart=(.*)$", text, re.MULTILINE)
    assert line is not None
    return shlex.split(line[1].replace(INSTALLED, str(PROGRAMS)).replace("%i", "one").replace("%%", "%"))


def test_every_variable_of_the_example_is_read_by_the_settings() -> None:
    settings = "".join((REPOSITORY / "portal" / "settings" / name).read_text() for name in ("base.py", "production.py"))
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', settings))
    assert set(example()) - {"DJANGO_SETTINGS_MODULE"} <= read


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
def test_the_units_are_well_formed(tmp_path: Path) -> None:
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace(INSTALLED, str(PROGRAMS)))
    checked = subprocess.run(
        ["systemd-analyze", "verify", *tmp_path.glob("*.service")], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_compose_runs_the_programs_of_the_units() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert set(services) == {"postgres", "valkey", "migrate", "web", "worker", "sweeps", "beat"}
    for name, unit in (("worker", "worker@"), ("sweeps", "sweeps"), ("beat", "beat")):
        command = [part for part in command_of(f"metalyard-{unit}.service") if not part.endswith("@%h")]
        kept = [part for part in services[name]["command"] if not part.startswith("/")]
        assert kept[1:] == [part for part in command[1:] if part != "--hostname" and not part.startswith("/")]
    for name in ("worker", "sweeps"):
        assert services[name]["environment"]["REMAP_SIGTERM"] == "SIGQUIT"
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY"):
            for source in line.split()[1:-1]:
                assert (REPOSITORY / source).exists(), line


@pytest.fixture
def production(open_folder: Path) -> Iterator[dict[str, str]]:
    """A database of its own in the tests' server, a broker, and the environment of a production host."""
    name = f"production_{secrets.token_hex(4)}"
    ours = os.environ["DATABASE_URL"]
    theirs = re.sub(r"/metalyard\?", f"/{name}?", ours)
    assert theirs != ours
    broker = Broker(open_folder / "data", open_folder / "broker.sock", open_folder / "broker.log")
    with psycopg.connect(ours, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        broker.start()
        yield {
            **example(),
            "PATH": f"{PROGRAMS}:{os.defpath}",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "METALYARD_SECRETS_KEYS": Fernet.generate_key().decode(),
            "DATABASE_URL": theirs,
            "BROKER_URL": broker.url(),
            "METALYARD_STATE_DIR": str(open_folder),
            "STATIC_ROOT": str(open_folder / "static"),
        }
        broker.stop()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def get(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"Host": "portal.example.com", **headers})
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()


@pytest.mark.long
def test_the_units_commands_serve_together_with_production_settings(
    production: dict[str, str], open_folder: Path
) -> None:
    for command in (["migrate", "--noinput"], ["collectstatic", "--noinput"]):
        argv = [sys.executable, "manage.py", *command]
        subprocess.run(argv, cwd=REPOSITORY, env=production, check=True, capture_output=True)
    port = free_port()
    mark = secrets.token_hex(8)
    env = {**production, guard.MARK: mark, "REMAP_SIGTERM": "SIGQUIT"}
    web = [part.replace("127.0.0.1:8000", f"127.0.0.1:{port}") for part in command_of("metalyard-web.service")]
    beat = [part.replace("/var/lib/metalyard", str(open_folder)) for part in command_of("metalyard-beat.service")]
    supervisor = Supervisor(open_folder, REPOSITORY, lambda _line: None)
    try:
        for name, argv, words in (
            ("web", web, b"Booting worker"),
            ("worker", command_of("metalyard-worker@.service"), b" ready."),
            ("sweeps", command_of("metalyard-sweeps.service"), b" ready."),
            ("beat", beat, b"Sending due task"),
        ):
            supervisor.start(Service(name, tuple(argv), env, ready=Says(words), start_limit_s=120))
        for name in ("web", "worker", "sweeps", "beat"):
            supervisor.wait_ready(name)
        assert is_ready_in_time(port), get(port, "/readyz")[2]
        assert get(port, "/login")[0] == 301, "people are sent to HTTPS"
        status, headers, page = get(port, "/login", **{"X-Forwarded-Proto": "https"})
        assert status == 200
        assert "max-age=31536000" in headers["strict-transport-security"]
        style = re.search(r'href="(/static/[^"]+\.css)"', page)
        assert style is not None
        assert get(port, style[1], **{"X-Forwarded-Proto": "https"})[0] == 200
        for name in ("worker", "sweeps"):
            assert says_in_time(open_folder / f"{name}.log", b"succeeded"), f"{name} took none of beat's messages"
    finally:
        supervisor.stop()
    # Killed is not gone: the kernel takes a moment for the last processes of a killed group.
    assert in_time(lambda: not guard.marked(mark), 60), guard.marked(mark)


def in_time(condition: Callable[[], bool], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def is_ready_in_time(port: int) -> bool:
    """Tell whether the worker shows its first sign of life, which beat asks for every few seconds."""
    return in_time(lambda: get(port, "/readyz")[0] == 200, 120)


def says_in_time(log: Path, words: bytes) -> bool:
    return in_time(lambda: words in log.read_bytes(), 120)
