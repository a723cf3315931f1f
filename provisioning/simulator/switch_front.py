"""What the emulated switches are asked and told: a port's network, by HTTPS beside the BMCs.

``GET`` and ``PUT /switch/v1/SWITCH/ports/PORT`` with ``{"vlan_id": N}``, null for no network. A PUT takes a port from
where it is to where it shall be at once, as switches do: the order in which ports are moved is the caller's duty.
"""

import hmac
from collections.abc import Callable
from typing import Any

import flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from provisioning.simulator.bmc import MOST_BYTES
from provisioning.simulator.faults import Fault, Faults
from provisioning.simulator.fleet import VLANS, is_vlan
from provisioning.simulator.switch import Switches

ROOT = "/switch/v1"
Answer = tuple[dict[str, Any], int] | tuple[dict[str, Any], int, dict[str, str]]


def beside(bmcs: Callable[..., Any], switches: Switches, faults: Faults) -> Callable[..., Any]:
    """Return ``bmcs`` with the switches at ``/switch/v1``."""
    app = flask.Flask("switches")
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES

    @app.route("/<switch>/ports/<path:port>", methods=["GET", "PUT"])
    def answer(switch: str, port: str) -> Answer:
        return _answer(switches, faults, switch, port)

    return DispatcherMiddleware(bmcs, {ROOT: app})


def _answer(switches: Switches, faults: Faults, switch: str, port: str) -> Answer:
    if not _opens(switches.logins.get(switch), flask.request.authorization):
        return {"error": "log in with this switch's credentials"}, 401, {"WWW-Authenticate": 'Basic realm="switch"'}
    server = switches.servers.get((switch, port))
    if server is None:
        return {"error": "there is no such port"}, 404
    if flask.request.method == "PUT":
        if faults.has(server, Fault.SWITCH_REFUSES):
            return {"error": "the switch is busy"}, 503
        body = flask.request.get_json(silent=True)
        if not isinstance(body, dict) or set(body) != {"vlan_id"} or not _is_network(body["vlan_id"]):
            return {"error": f"send vlan_id alone: a number from {VLANS.start} to {VLANS[-1]}, or null"}, 400
        if not faults.has(server, Fault.PORT_STUCK):
            switches.move(switch, port, body["vlan_id"], flask.request.headers.get("X-Metalyard-Epoch"))
    return {"vlan_id": switches.vlan_of(switch, port)}, 200


def _is_network(value: Any) -> bool:
    return value is None or is_vlan(value)


def _opens(login: tuple[str, str] | None, given: Any) -> bool:
    if login is None or given is None or given.username is None or given.password is None:
        return False
    asked = f"{given.username}\0{given.password}".encode()
    return hmac.compare_digest(asked, "\0".join(login).encode())
