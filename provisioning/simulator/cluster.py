"""What an emulated machine does in the hand-over: tells a key, takes the kit, and says which others let it in.

No private key exists and no login happens: 256 machines in one process would need 65,000 handshakes. Instead one
machine reaches another when both answer and their ports are in one network, and is let in when the other was handed
its key and shows the host key that the kit pins. How fast they all reduce together is a test double.
"""

import base64
import json
import re
import secrets
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from provisioning.simulator.all_reduce import table
from provisioning.simulator.faults import Fault
from provisioning.simulator.shell import Answer, Host

QUESTIONS = ("cluster-key", "hand-over", "peers", "all-reduce")
FOLDER = "/opt/handover"
SLOW = 10.0
"""How many times slower a fabric is with which something is wrong."""
MOST_CHARS = 16 * 1024 * 1024
_KEY_HEAD = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
_BLOCK = re.compile(r"^Host (\S+)\n +HostName (\S+)\n +Port (\d+)$", re.MULTILINE)
Address = tuple[str, int]


class Member:
    """One booted machine among ``members``, which are by the addresses of their SSH servers."""

    def __init__(
        self,
        host: Host,
        known: Mapping[str, Any],
        members: Mapping[Address, "Member"],
        remember: Callable[[dict[str, Any]], None],
    ) -> None:
        """Take up what the machine knew before it was switched off; ``remember`` keeps it on its disk."""
        self.host, self.members, self._remember = host, members, remember
        self.key = str(known.get("key") or "")
        self.kit = str(known.get("kit") or "")
        self.let_in = [str(key) for key in known.get("let_in", [])]
        self.host_key = ""

    def answer(self, question: str, given: str) -> Answer:
        """Answer one of the questions, as the script on a real machine would."""
        try:
            if question == "cluster-key":
                return self._tell_key()
            told = json.loads(given)
            if question == "hand-over":
                return self._take(str(told["kit"]), [str(key) for key in told["keys"]])
            hosts = [str(name) for name in told["hosts"]]
            if question == "all-reduce":
                return Answer(json.dumps({"status": 0, "out": self._all_reduce(hosts), "cut": False}))
            return Answer(json.dumps({"peers": self._reached(hosts)}))
        except (ValueError, KeyError, TypeError, OSError, zipfile.BadZipFile) as error:
            return Answer(err=f"metalyard: {type(error).__name__} {error}\n", status=1)

    def _tell_key(self) -> Answer:
        if not self.key:
            self.key = "ssh-ed25519 " + base64.b64encode(_KEY_HEAD + secrets.token_bytes(32)).decode()
            self._keep()
        return Answer(f"{self.key}\n")

    def _take(self, kit: str, keys: list[str]) -> Answer:
        _unpacked(kit)
        self.kit, self.let_in = kit, [" ".join(key.split()[:2]) for key in keys]
        self._keep()
        return Answer("done\n")

    def _keep(self) -> None:
        self._remember({"key": self.key, "kit": self.kit, "let_in": self.let_in})

    def files(self) -> dict[str, str]:
        """Return the files of the kit by their paths, those that are text."""
        kit = _unpacked(self.kit) if self.kit else {}
        return {f"{FOLDER}/{name}": content.decode("utf-8", "replace") for name, content in kit.items()}

    def _all_reduce(self, hosts: list[str]) -> str:
        return table(self.files()[f"{FOLDER}/hostfile"], hosts, SLOW if self.host.wrong(Fault.FABRIC_SLOW) else 1)

    def _reached(self, names: list[str]) -> dict[str, str]:
        # Once for all of them: the kit of 256 machines takes milliseconds to unpack.
        files = self.files()
        blocks = {host: (at, int(port)) for host, at, port in _BLOCK.findall(files[f"{FOLDER}/ssh_config"])}
        pins = frozenset(files[f"{FOLDER}/known_hosts"].splitlines())
        return {name: self._login(blocks.get(name), pins) for name in names}

    def _login(self, address: Address | None, pins: frozenset[str]) -> str:
        if address is None:
            return "Could not resolve hostname"
        at, port = address
        other = self.members.get(address)
        if other is None or not self.host.reaches(other.host.spec):
            return "No route to host"
        if f"{at if port == 22 else f'[{at}]:{port}'} {other.host_key}" not in pins:
            return "Host key verification failed."
        return "ok" if self.key in other.let_in else "Permission denied (publickey)."


def _unpacked(kit: str) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(base64.b64decode(kit, validate=True))) as archive:
        return {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}
