"""What a BMC knows beside its server's power: accounts, firmware, boot order, network services.

The password is kept over a restart of the emulator: the fleet file gives the first one, what was set later wins. What
somebody with root on the server, or with a hand on its board, may have done to it are faults.
"""

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from provisioning.simulator import virtual_media
from provisioning.simulator.chassis import Chassis
from provisioning.simulator.faults import Fault

ROLE = "Administrator"
FIRMWARE = {"BMC": "2.14.0", "BIOS": "3.7.1", "CPLD": "1.09", "NIC": "28.41.1000", "GPU": "96.00.99.00.01"}
FLASHED = {"BMC": "2.14.0-r1"}
BOOT_ORDER = ["Hdd", "Cd", "UefiHttp", "Pxe"]
STRANGER = "svc-maint"
SHORTEST_PASSWORD = 8
_ROOT = "/redfish/v1"
OWN = ("AccountService", "UpdateService")
"""Services of the BMC itself: whose they are is told by the login, not by the path."""


@dataclass
class Passwords:
    """Hashes of what opens the one account; ``former`` open it too where a BMC only says that it was changed."""

    current: str
    former: list[str] = field(default_factory=list)


def hashed(password: str) -> str:
    """Return the form in which the fleet file and the state know a password."""
    return hashlib.sha256(password.encode()).hexdigest()


class Controller:
    """The BMC of one machine."""

    def __init__(self, machine: Chassis) -> None:
        """Take up the BMC as it was left."""
        self.machine = machine
        self.passwords = self._remembered()

    @property
    def _file(self) -> Path:
        return self.machine.place.folder / "state" / f"{self.machine.spec.name}.bmc.json"

    def _remembered(self) -> Passwords:
        try:
            return Passwords(**json.loads(self._file.read_text()))
        except (OSError, ValueError, TypeError):
            return Passwords(self.machine.spec.bmc_password_sha256)

    def opens(self, username: str, password_sha256: str) -> bool:
        """Tell whether the BMC takes this login."""
        known = [self.passwords.current, *self.passwords.former]
        is_ours = hmac.compare_digest(username.encode(), self.machine.spec.bmc_user.encode())
        return is_ours and any(hmac.compare_digest(password_sha256, item) for item in known)

    def change_password(self, password: str) -> None:
        """Take a new password, at once. Raises ValueError for one that is too short."""
        if len(password) < SHORTEST_PASSWORD:
            raise ValueError(f"a password has at least {SHORTEST_PASSWORD} characters")
        with self.machine.lock:
            if self.machine.wrong(Fault.PASSWORD_IGNORED):
                return
            kept = [*self.passwords.former, self.passwords.current] if self.machine.wrong(Fault.PASSWORD_KEPT) else []
            self.passwords = Passwords(hashed(password), kept)
            self._file.parent.mkdir(parents=True, exist_ok=True)
            partial = self._file.with_suffix(".part")
            partial.write_text(json.dumps(asdict(self.passwords)))
            partial.replace(self._file)

    def boot_order(self) -> list[str]:
        """Return what the server boots from when nothing overrides it."""
        return list(reversed(BOOT_ORDER)) if self.machine.wrong(Fault.BOOT_ORDER) else list(BOOT_ORDER)

    def media(self) -> dict[str, Any]:
        """Return what somebody has put into the virtual drive, as properties of it; empty when nobody has."""
        if not self.machine.wrong(Fault.MEDIA_INSERTED):
            return {}
        return {"Inserted": True, "Image": "http://203.0.113.9/rescue.iso", "ConnectedVia": "URI"}

    def resource(self, rest: list[str]) -> dict[str, Any] | None:
        """Return the resource at a path below the root, None for one that is the emulator's own."""
        match rest:
            case ["AccountService"]:
                return _linked("AccountService", Accounts="AccountService/Accounts")
            case ["AccountService", "Accounts"]:
                return _collection("AccountService/Accounts", self._accounts())
            case ["AccountService", "Accounts", number]:
                return self._accounts().get(number)
            case ["UpdateService"]:
                return _linked("UpdateService", FirmwareInventory="UpdateService/FirmwareInventory")
            case ["UpdateService", "FirmwareInventory"]:
                return _collection("UpdateService/FirmwareInventory", self._firmware())
            case ["UpdateService", "FirmwareInventory", component]:
                return self._firmware().get(component)
            case ["Managers", "NetworkProtocol"]:
                return self._protocols()
        return virtual_media.resource(self.machine, rest)

    def _accounts(self) -> dict[str, dict[str, Any]]:
        names = [self.machine.spec.bmc_user, *([STRANGER] if self.machine.wrong(Fault.EXTRA_USER) else [])]
        return {
            str(number): {
                "@odata.id": f"{_ROOT}/AccountService/Accounts/{number}",
                "Id": str(number),
                "UserName": name,
                "Password": None,  # DSP0268: never readable
                "RoleId": ROLE,
                "Enabled": True,
            }
            for number, name in enumerate(names, 1)
        }

    def _firmware(self) -> dict[str, dict[str, Any]]:
        versions = FIRMWARE | (FLASHED if self.machine.wrong(Fault.FIRMWARE_FLASHED) else {})
        return {
            component: {
                "@odata.id": f"{_ROOT}/UpdateService/FirmwareInventory/{component}",
                "Id": component,
                "Name": component,
                "Version": version,
            }
            for component, version in versions.items()
        }

    def _protocols(self) -> dict[str, Any]:
        return {
            "@odata.id": f"{_ROOT}/Managers/{self.machine.spec.uuid}/NetworkProtocol",
            "HTTPS": {"ProtocolEnabled": True, "Port": 443},
            "IPMI": {"ProtocolEnabled": self.machine.wrong(Fault.IPMI_ON), "Port": 623},
        }


def _linked(name: str, **links: str) -> dict[str, Any]:
    targets = {link: {"@odata.id": f"{_ROOT}/{path}"} for link, path in links.items()}
    return {"@odata.id": f"{_ROOT}/{name}", "Id": name, **targets}


def _collection(path: str, members: dict[str, dict[str, Any]]) -> dict[str, Any]:
    linked = [{"@odata.id": member["@odata.id"]} for member in members.values()]
    return {"@odata.id": f"{_ROOT}/{path}", "Members": linked, "Members@odata.count": len(linked)}
