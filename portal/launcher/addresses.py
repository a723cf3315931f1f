"""Which addresses the demo listens on: all on loopback."""

import errno
import socket

from portal.launcher.problems import LaunchProblem

WEB_HOST = "127.0.0.1"
FLEET_FIRST, FLEET_LAST = 16, 254
"""Second byte of the loopback networks 127.x.0.0/16 that emulated fleets choose from."""


def is_free(host: str, port: int) -> bool:
    """Tell whether one can listen on ``host``:``port``. Raises OSError for any other reason than that it is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def require_web_port(port: int) -> None:
    """Raise LaunchProblem unless the portal can listen on ``port``."""
    try:
        free = is_free(WEB_HOST, port)
    except OSError as error:
        raise LaunchProblem(f"Cannot listen on port {port} ({error.strerror}): choose another with --port.") from error
    if not free:
        raise LaunchProblem(f"Port {port} is in use: stop what listens there, or choose another with --port.")


def fleet_network(digest: str, bmc_port: int) -> str:
    """Return the first two bytes (``127.77``) of a loopback network for an emulated fleet.

    The choice follows ``digest``, so that two demos do not meet, and moves on while the BMCs' address is taken.
    """
    span = FLEET_LAST - FLEET_FIRST + 1
    start = int(digest[:8], 16)
    for step in range(span):
        network = f"127.{FLEET_FIRST + (start + step) % span}"
        if is_free(f"{network}.0.1", bmc_port):
            return network
    raise LaunchProblem(f"No loopback network has port {bmc_port} free for the emulated BMCs.")


def require_fleet(network: str, bmc_port: int) -> None:
    """Raise LaunchProblem unless the emulated BMCs can listen where the database says they are."""
    if not is_free(f"{network}.0.1", bmc_port):
        raise LaunchProblem(f"The address of the emulated BMCs, {network}.0.1:{bmc_port}, is in use.")
