"""A stand-in for an Arista switch: eAPI (JSON-RPC over HTTPS), with configuration sessions for interfaces and VLANs.

The form of answers is as its author knows it; neither Arista's guide nor a switch has been at hand to compare with.
What is configured is kept in a tree, of which a session has a copy that replaces it at the commit: the worst that
sessions can do to others. Interfaces know nothing but access VLAN, mode and shutdown.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
from contextlib import contextmanager
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = "port-mover", "pa55-of-arista"
NEW = {"mode": "access", "vlan": 1, "is_down": False}


class Switch(ThreadingHTTPServer):
    """The switch. `commits` has the lines of each committed session; `saved` what it would start with."""

    daemon_threads = True

    def __init__(self, *ports):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.running = {"ports": {port: dict(NEW) for port in ports}, "vlans": {1: "default"}}
        self.saved = deepcopy(self.running)
        self.sessions: dict[str, dict] = {}
        self.commits: list[list[str]] = []
        self.is_deaf = False  # commits are accepted and not done
        self.refuses = ""  # the line that is an error

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """Clients that do not trust the certificate hang up: no news."""

    def run(self, commands, form):
        """The answers to commands, as far as the first that is an error: (answers, index and words of the error)."""
        answers, mode = [], {}
        for index, command in enumerate(commands):
            line = command["cmd"] if isinstance(command, dict) else command
            try:
                said = self._one(line, mode)
            except ValueError as error:
                return answers, (index, str(error))
            answers.append(said if form == "json" and isinstance(said, dict) else {"output": self._text(said)})
            if form == "json":
                answers[-1] = said if isinstance(said, dict) else {}
        return answers, None

    @staticmethod
    def _text(said):
        return said if isinstance(said, str) else json.dumps(said)

    def _one(self, line, mode):
        if self.refuses and line == self.refuses:
            raise ValueError("Invalid input (at token 1: 'shutdown')")
        if line.startswith("configure session "):
            name = line.removeprefix("configure session ")
            mode["session"] = self.sessions.setdefault(name, {"lines": [], "tree": deepcopy(self.running)})
            mode["name"], mode["at"] = name, None
            return ""
        if "session" in mode and not line.startswith("show running"):
            return self._in_session(line, mode)
        status = line.removeprefix("show interfaces ").removesuffix(" status")
        if line.startswith("show interfaces ") and status in self.running["ports"]:
            return {"interfaceStatuses": {status: self._status(self.running["ports"][status])}}
        if line == "copy running-config startup-config":
            self.saved = deepcopy(self.running)
            return "Copy completed successfully."
        known = {
            "enable": "",
            "show version": {"version": "4.30.0F", "modelName": "stand-in"},
            "show hostname": {"hostname": "leaf-1", "fqdn": "leaf-1"},
            "show configuration sessions": {"sessions": {}, "maxSavedSessions": 1},
        }
        if line.startswith("show running-config"):
            return self._configuration()
        if line not in known:
            raise ValueError(f"Invalid input: {line}")
        return known[line]

    def _in_session(self, line, mode):
        session = mode["session"]
        if line == "show session-config diffs":
            return "\n".join("+" + kept for kept in session["lines"]) if session["tree"] != self.running else ""
        if line in ("commit", "abort"):
            del self.sessions[mode["name"]]
            if line == "commit":
                self.commits.append(session["lines"])
                if not self.is_deaf:
                    self.running = session["tree"]
            return ""
        session["lines"].append(line)
        self._configure(line, mode, session["tree"])
        return ""

    @staticmethod
    def _configure(line, mode, tree):
        words, at = line.split(), mode["at"]
        if words[0] == "interface" and words[1] in tree["ports"]:
            mode["at"] = tree["ports"][words[1]]
        elif words[0] == "vlan":
            mode["at"] = int(words[1])
            tree["vlans"].setdefault(mode["at"], f"VLAN{words[1]:0>4}")
        elif words[0] == "name" and isinstance(at, int):
            tree["vlans"][at] = words[1]
        elif isinstance(at, dict) and (change := _change_of(words)):
            at |= change
        else:
            raise ValueError(f"Invalid input: {line}")

    @staticmethod
    def _status(port):
        is_access = port["mode"] == "access"
        vlan = {"interfaceMode": "bridged", "vlanId": port["vlan"], "interfaceForwardingModel": "bridged"}
        return {
            "vlanInformation": vlan if is_access else {"interfaceMode": "trunk", "interfaceForwardingModel": "bridged"},
            "linkStatus": "disabled" if port["is_down"] else "connected",
            "lineProtocolStatus": "down" if port["is_down"] else "up",
        }

    def _configuration(self):
        vlans = self.running["vlans"].items()
        lines = [line for vlan, name in vlans for line in (f"vlan {vlan}", f"   name {name}", "!")]
        for name, port in self.running["ports"].items():
            lines += [f"interface {name}", f"   switchport access vlan {port['vlan']}"]
            lines += ["   shutdown"] * port["is_down"] + ["!"]
        return "\n".join(lines) + "\nend\n"


def _change_of(words):
    """What a line changes of an interface; nothing when there is no such line."""
    match words:
        case ["shutdown"]:
            return {"is_down": True}
        case ["no", "shutdown"]:
            return {"is_down": False}
        case ["switchport", "mode", mode]:
            return {"mode": mode}
        case ["switchport", "access", "vlan", vlan]:
            return {"vlan": int(vlan)}
    return None


class _Handler(BaseHTTPRequestHandler):
    server: Switch

    def log_message(self, *args):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.path != "/command-api" or self.headers["Authorization"] != f"Basic {login}":
            self._answer(401, b"Unable to authenticate user: Bad username/password combination")
            return
        answers, error = self.server.run(asked["params"]["cmds"], asked["params"].get("format", "json"))
        body = {"jsonrpc": "2.0", "id": asked["id"]}
        if error is None:
            body["result"] = answers
        else:
            words = f"CLI command {error[0] + 1} of {len(asked['params']['cmds'])} failed: invalid command"
            body["error"] = {"code": 1002, "message": words, "data": [*answers, {"errors": [error[1]]}]}
        self._answer(200, json.dumps(body).encode())

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def switching(certificate, key, *ports):
    """A running switch with new ports; stopped at the end."""
    switch = Switch(*ports)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    switch.socket = context.wrap_socket(switch.socket, server_side=True)
    thread = threading.Thread(target=switch.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield switch
    finally:
        switch.shutdown()
        switch.server_close()
        thread.join()
