"""The one command: database, broker, data, emulated fleet, web and worker, started in order and stopped in reverse."""

import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

from portal.launcher import addresses, children, guard, lineup, secret_file, state_dir, tls, virtual_metal
from portal.launcher.broker import Broker
from portal.launcher.postgres import Postgres
from portal.launcher.problems import LaunchProblem
from portal.launcher.supervisor import Supervisor, last_line

REPOSITORY = Path(__file__).resolve().parent.parent.parent
BMC_PORT = 8443
SSH_PORT = 2222
SELLER = {"METALYARD_SELLER_COUNTRY": "SE", "METALYARD_SELLER_TAX_ID": "SE000000000001 (demo)"}
"""Without these no invoice can be had as an EN 16931 file."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Options:
    """What the person asked for."""

    port: int
    state_dir: Path
    fast: bool
    reset: bool
    once: bool
    more: Mapping[str, str] = field(default_factory=dict)
    """Variables of the portal that are to be other than usual."""
    servers: int = 0
    """Servers of one type in one fabric instead of the demo's fleet; 0 for the demo's."""
    metal: str = virtual_metal.EMULATED
    """What the servers are: emulated from outside, or virtual machines."""

    @property
    def is_virtual(self) -> bool:
        """Whether the servers are virtual machines."""
        return self.metal == virtual_metal.QEMU


class StopRequested(BaseException):
    """Somebody pressed Ctrl-C or sent a signal: leave, stopping everything on the way out."""


@contextmanager
def stop_signals_raise() -> Iterator[None]:
    """Turn the first stop signal into StopRequested and ignore the ones after it: stopping takes seconds anyway."""

    def on_signal(_number: int, _frame: FrameType | None) -> NoReturn:
        for name in STOP_SIGNALS:
            signal.signal(name, signal.SIG_IGN)
        raise StopRequested

    # nohup has SIGHUP ignored; that wish is kept. A script's `&` has SIGINT ignored too, but `kill -INT` means us.
    hung_up = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    names = [name for name in STOP_SIGNALS if not (hung_up and name is signal.SIGHUP)]
    before = {name: signal.signal(name, on_signal) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


class Quickstart:
    """One run of the command."""

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        """Prepare a run that tells people about itself through ``say``."""
        self.options = options
        self.say = say
        self.began = time.monotonic()
        self.mark = secrets.token_hex(8)
        self.stack = ExitStack()
        self.vital: dict[str, Callable[[], bool]] = {}

    def run(self) -> None:
        """Start everything, serve until told to stop (or, with ``once``, stop when healthy), and stop everything.

        Raises LaunchProblem; by then everything is stopped as well.
        """
        with stop_signals_raise(), self.stack:
            try:
                supervisor = self.start()
                self._announce()
                if not self.options.once:
                    self._serve(supervisor)
            except StopRequested:
                pass
            self.say("Stopping ...")
        self.say("Stopped.")

    def start(self) -> Supervisor:
        """Start everything; who calls this himself closes ``stack`` in the end. Raises LaunchProblem."""
        options = self.options
        addresses.require_web_port(options.port)
        if options.is_virtual:
            virtual_metal.require_count(options.servers)
            virtual_metal.require_packages()
        self.state = state_dir.open_state_dir(options.state_dir, reset=options.reset)
        (self.state.root / "access.json").unlink(missing_ok=True)
        self.say(f"Metalyard starts in {self.state.root} (log files in {self.state.logs})")
        self.stack.callback(children.start_guard(self.mark, self.state.lock))
        self.stack.callback(guard.sweep, self.mark, orderly_s=0.5)
        env = self.env = self._environment()
        if options.is_virtual:
            self._build_images(env)
        self._start_database(env)
        self._start_broker(env)
        supervisor = Supervisor(self.state.logs, REPOSITORY, self.say)
        self.stack.callback(supervisor.stop)
        self._set_up(env)
        for name in secret_file.PASSWORDS:
            del env[name]
        supervisor.start(lineup.web(options.port, env))
        supervisor.start(lineup.fleet(self.state.fleet, env))
        supervisor.start(lineup.sweeps(self.state.root / "run" / "beat", env))
        supervisor.start(lineup.worker(options.port, env))
        for name in ("web", "fleet", "sweeps", "worker"):
            supervisor.wait_ready(name)
            self._done(f"{name} ready")
        return supervisor

    def _done(self, what: str) -> None:
        self.say(f"  {time.monotonic() - self.began:5.1f} s  {what}")

    def _environment(self) -> dict[str, str]:
        """Return what the children get to know, without database and broker."""
        root, port = self.state.root, self.options.port
        network = addresses.fleet_network(state_dir.digest(root), BMC_PORT)
        kept = self.secrets = secret_file.load_or_make(root / "env", fleet_network=network)
        network = kept[secret_file.FLEET_NETWORK]
        addresses.require_fleet(network, BMC_PORT)
        certificates = tls.ensure(root / "tls", f"{network}.0.1")
        url = f"http://{addresses.WEB_HOST}:{port}"
        return {
            **os.environ,
            **kept,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "DEBUG": "0",
            "LOG_LEVEL": "INFO",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "METALYARD_STATE_DIR": str(root),
            "METALYARD_IMAGE_DIR": str(root / "images"),
            "METALYARD_PUBLIC_URL": url,
            "METALYARD_AGENT_URL": url,
            "METALYARD_BMC_CA_FILE": str(certificates.ca),
            "METALYARD_FAST": "1" if self.options.fast else "0",
            "METALYARD_SHOW_DEMO_LOGINS": "1",
            **SELLER,
            "METALYARD_MEDIA_URL": url,
            "METALYARD_MEDIA_DIR": str(root / "media"),
            guard.MARK: self.mark,
            **(virtual_metal.SETTINGS if self.options.is_virtual else {}),
            **self.options.more,
        }

    def _build_images(self, env: dict[str, str]) -> None:
        """Have a boot medium and an OS image for virtual machines: minutes the first time, and again after changes."""
        cache = REPOSITORY / ".metalyard-images"
        self.say(f"  building what virtual machines boot, unless it is in {cache} (minutes)")
        virtual_metal.build(cache, self.state.logs / "images.log", env, REPOSITORY)
        virtual_metal.provide(cache, self.state.root / "media", self.state.root / "images")
        self._done("boot medium and OS image ready")

    def _start_database(self, env: dict[str, str]) -> None:
        if os.environ.get("DATABASE_URL"):
            if self.options.reset:
                raise LaunchProblem(
                    "--reset cannot empty the database of DATABASE_URL: empty it yourself, or unset DATABASE_URL."
                )
            self._done("database: the one of DATABASE_URL")
            return
        database = Postgres(self.state.servers / "pg", self.state.logs / "postgres.log")
        self.stack.callback(database.stop)
        major = database.start()
        self.vital["database"] = database.is_alive
        env["DATABASE_URL"] = database.url()
        self._done(f"database ready (PostgreSQL {major} in {database.root})")

    def _start_broker(self, env: dict[str, str]) -> None:
        if os.environ.get("BROKER_URL"):
            self._done("broker: the one of BROKER_URL")
            return
        socket = self.state.servers / "broker.sock"
        broker = Broker(self.state.root / "broker", socket, self.state.logs / "broker.log")
        self.stack.callback(broker.stop)
        broker.start({guard.MARK: self.mark})
        self.vital["broker"] = broker.is_alive
        env["BROKER_URL"] = broker.url()
        env.setdefault("CACHE_URL", broker.cache_url())
        self._done("broker ready")

    def _set_up(self, env: dict[str, str]) -> None:
        """Migrate and seed in one child, so that Django is loaded once for both."""
        log = self.state.logs / "setup.log"
        argv = [sys.executable, "manage.py", "seed_demo", "--migrate", "--bmc-port", str(BMC_PORT)]
        argv += ["--ssh-port", str(SSH_PORT), *(["--fast"] if self.options.fast else [])]
        argv += ["--servers", str(self.options.servers)] if self.options.servers else []
        argv += ["--metal", self.options.metal, "--portal-port", str(self.options.port)]
        with log.open("wb") as output:
            code = children.start(argv, env=env, log=output, cwd=REPOSITORY).wait()
        if code != 0:
            raise LaunchProblem(f"The demo's data could not be prepared: {last_line(log)} (see {log})")
        self._done(f"data ready ({last_line(log)})")

    def _announce(self) -> None:
        """Write access.json and print where to go and how to log in."""
        demo = json.loads((self.state.root / "demo.json").read_text())
        url = self.env["METALYARD_PUBLIC_URL"]
        access = {
            "url": url,
            "api_token": demo["api_token"],
            "customer": {"email": demo["customer"], "password": self.secrets[secret_file.CUSTOMER_PASSWORD]},
            **self._staff(demo),
            "admin": {"email": demo["admin"], "password": self.secrets[secret_file.ADMIN_PASSWORD]},
            "database_url": self.env["DATABASE_URL"],
        }
        path = self.state.root / "access.json"
        secret_file.write_private(path, json.dumps(access, indent=2) + "\n")
        # It says how to reach a portal that runs: scripts wait for it to appear.
        self.stack.callback(path.unlink, missing_ok=True)
        self.say("")
        self.say(f"  Metalyard runs at  {url}")
        self.say("")
        self.say(f"  Customer   {access['customer']['email']}   {access['customer']['password']}")
        for name in (*self._staff(demo), "admin"):
            title = name.replace("_", " ").capitalize()
            self.say(f"  {title:10} {access[name]['email']}   {access[name]['password']}   ({url}/admin/)")
        self.say(f"  API token  {access['api_token']}")
        self.say(f"  The same for scripts: {path}")
        self.say("")
        if not self.options.once:
            self.say("Ctrl-C stops it; the data stays. Start again with --reset to begin anew.")

    def _staff(self, demo: dict[str, str]) -> dict[str, dict[str, str]]:
        """Return the login of one person of each role of the staff."""
        return {
            name: {"email": demo[name], "password": self.secrets[variable]}
            for name, variable in secret_file.STAFF_PASSWORDS.items()
        }

    def _serve(self, supervisor: Supervisor) -> None:
        """Watch over everything until a signal, or until the ``uv run`` that started this process is gone."""
        parent = os.getppid()
        under_uv = _name_of(parent) == "uv"
        while True:
            time.sleep(0.5)
            for name, is_alive in self.vital.items():
                if not is_alive():
                    raise LaunchProblem(f"The {name} ended: see {self.state.logs}. Start again to continue.")
            supervisor.check()
            if under_uv and os.getppid() != parent:
                raise StopRequested


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
