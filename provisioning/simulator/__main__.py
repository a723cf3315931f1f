"""Run the emulated fleet: ``python -m provisioning.simulator --fleet FILE --dir DIR``."""

import argparse
import fcntl
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from provisioning.simulator import bmc, switch_front
from provisioning.simulator.chassis import Chassis, Place
from provisioning.simulator.faults import Faults
from provisioning.simulator.fleet import EMULATED, QEMU, Fleet, Timings, load
from provisioning.simulator.journal import Journal, Record
from provisioning.simulator.machine import Machine
from provisioning.simulator.server import TLSServer
from provisioning.simulator.sshd import Loop
from provisioning.simulator.switch import LOG_BYTES, Switches
from provisioning.simulator.virtual import VirtualMachine

log = logging.getLogger("provisioning.simulator")

AT_ONCE = 64
"""Network boots that work at one time; the others wait at their first request, as on a busy network."""
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m provisioning.simulator", description=__doc__)
    parser.add_argument("--fleet", type=Path, required=True, help="the fleet file")
    parser.add_argument("--dir", type=Path, required=True, help="where disks, consoles, faults and logs are kept")
    parser.add_argument("--log-level", default="INFO", choices=LEVELS)
    return parser.parse_args(argv)


def set_up_logging(level: str) -> None:
    """Log to standard error; of libraries what is wrong only: httpx would tell addresses that hold one-time tokens."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for library in ("asyncssh", "httpx", "httpcore", "sushy_tools.emulator.main"):
        logging.getLogger(library).setLevel(logging.WARNING)


def claim(folder: Path) -> int:
    """Take the folder for this process alone, for as long as it lives. Raises OSError when another one has it."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise OSError(f"{folder} is in use by another emulated fleet") from None
    return handle


MAKERS: dict[str, type[Chassis]] = {EMULATED: Machine, QEMU: VirtualMachine}


def make_machines(fleet: Fleet, folder: Path, switches: Switches, faults: Faults) -> dict[str, Chassis]:
    """Return the fleet's machines by UUID. Raises OSError when one of a kind cannot be made on this host."""
    loop, gate = Loop(), threading.Semaphore(AT_ONCE)

    def timings() -> Timings:
        return fleet.timings

    place = Place(folder, faults, timings, loop, gate, fleet.guests, switches)
    return {spec.uuid: MAKERS[spec.kind](spec, place) for spec in fleet.specs}


def make_fleet(fleet: Fleet, folder: Path) -> tuple[dict[str, Chassis], Callable[..., Any]]:
    """Return the machines by UUID, and what answers for their BMCs and switches. Raises OSError as make_machines."""
    faults = Faults(folder / "faults")
    bmc_log, switch_log = Journal(folder / "bmc.log", LOG_BYTES), Journal(folder / "switch.log", LOG_BYTES)
    record = Record(bmc_log, switch_log)
    switches = Switches(fleet, folder, record, switch_log)
    machines = make_machines(fleet, folder, switches, faults)
    return machines, switch_front.beside(bmc.build(machines, folder, bmc_log, record), switches, faults)


def main(argv: list[str]) -> int:
    """Serve until told to stop; 2 when it cannot start."""
    options = parse(argv)
    set_up_logging(options.log_level)
    ready = options.dir / "ready"
    try:
        fleet = load(options.fleet)
        claim(options.dir)
        ready.unlink(missing_ok=True)
        machines, app = make_fleet(fleet, options.dir)
        server = TLSServer(fleet, app)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"the emulated fleet cannot start: {error}\n")
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    for machine in machines.values():
        machine.resume()
    threading.Thread(target=server.serve_forever, name="bmcs", daemon=True).start()
    ready.write_text("ready\n")
    log.info("%d machines, BMCs at https://%s:%d", len(machines), fleet.host, fleet.port)
    stop.wait()
    ready.unlink(missing_ok=True)
    for machine in machines.values():
        machine.halt()
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    # Threads of machines may be in the middle of a log line, and the interpreter's own end aborts over that.
    os._exit(status)
