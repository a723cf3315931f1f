"""The BMC itself, after somebody may have had it in hand: who may log in, what it boots, what it runs, what it offers.

Reads standard Redfish resources (DSP0268: ManagerAccount, SoftwareInventory, ManagerNetworkProtocol, VirtualMedia) and
reports chosen values. It judges nothing: what is right is not known here. The one change it makes is the password.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.metalyard.metal.plugins.plugin_utils.links import (
    MAX_MEMBERS,
    checked,
    link,
    manager_of,
    members,
)
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal, printable
from ansible_collections.metalyard.metal.plugins.plugin_utils.system import System, text_of
from ansible_collections.metalyard.metal.plugins.plugin_utils.transport import Transport

ACCOUNTS = "/redfish/v1/AccountService"
UPDATES = "/redfish/v1/UpdateService"


@dataclass(frozen=True)
class Logins:
    """How one logs in: as whom, with which password now and which one next; ``is_next`` says which one opened it."""

    username: str
    current: Callable[[], Transport]
    following: Callable[[], Transport]
    next_password: str
    is_next: bool


class Controller:
    """The steps that concern the BMC. Every method raises `Refusal` when its step is not proven done."""

    def __init__(self, system: System, logins: Logins) -> None:
        self._system = system
        self._logins = logins
        self.steps: Mapping[str, Callable[[], None]] = {
            "read_controller": self.read_controller,
            "rotate_password": self.rotate_password,
        }

    def read_controller(self) -> None:
        """Report accounts, boot settings, inserted media, firmware versions and whether IPMI over LAN is on."""
        system = self._system.get(self._system.path)
        manager = manager_of(self._system.get, system)
        self._system.report["controller"] = {
            "accounts": [
                {
                    "name": text_of(item, "UserName"),
                    "role": text_of(item, "RoleId"),
                    "enabled": item.get("Enabled") is True,
                }
                for item in self._accounts()
            ],
            "boot": _boot(system),
            "media": self._media(system, manager),
            "firmware": self._firmware(),
            "ipmi": self._ipmi(manager),
        }

    def rotate_password(self) -> None:
        """Give our account its next password; prove that it opens the BMC and that the one before no longer does.

        When the next one opened the BMC already, an earlier run has set it and only the proof is left to do.
        The proof costs one failed login: a BMC that locks accounts must allow that many.
        """
        if not self._logins.next_password:
            raise Refusal("bad_variables", "bmc_next_password is needed to change the password.")
        account = self._own_account()
        if not self._logins.is_next:
            self._system.write("PATCH", account, {"Password": self._logins.next_password})
        with_next, with_old = self._logins.following(), self._logins.current()
        try:
            if (status := with_next.status(account)) != 200:
                raise Refusal("bmc_password_unproved", f"The new password is not accepted (HTTP {status}).")
            if (status := with_old.status(account)) != 401:
                raise Refusal("bmc_password_unproved", f"The old password is not refused (HTTP {status}).")
        finally:
            with_next.close()
            with_old.close()
        self._system.report |= {"password": "changed"}

    def _own_account(self) -> str:
        for item in self._accounts():
            if item.get("UserName") == self._logins.username:
                return checked(item.get("@odata.id"))
        raise Refusal("bmc_refused", "The BMC does not list the account that we are logged in with.")

    def _accounts(self) -> Iterator[dict[str, Any]]:
        """The accounts; places for one that are neither named nor enabled are left out."""
        for item in members(self._system.get, link(self._system.get(ACCOUNTS), "Accounts")):
            if text_of(item, "UserName") or item.get("Enabled") is not False:
                yield item

    def _media(self, system: Mapping[str, Any], manager: Mapping[str, Any]) -> list[dict[str, str]]:
        shelves = {link(item, "VirtualMedia") for item in (system, manager) if "VirtualMedia" in item}
        if not shelves:
            raise Refusal("bmc_refused", "The BMC does not say what is in its virtual drives.")
        return [
            {"device": text_of(drive, "Id"), "image": text_of(drive, "Image")}
            for shelf in sorted(shelves)
            for drive in members(self._system.get, shelf)
            if drive.get("Inserted") is not False or text_of(drive, "Image")
        ]

    def _firmware(self) -> list[dict[str, str]]:
        inventory = link(self._system.get(UPDATES), "FirmwareInventory")
        return [
            {"component": text_of(item, "Id"), "version": text_of(item, "Version")}
            for item in members(self._system.get, inventory)
        ]

    def _ipmi(self, manager: Mapping[str, Any]) -> str:
        service = self._system.get(link(manager, "NetworkProtocol")).get("IPMI")
        if service is None:
            return "absent"
        enabled = service.get("ProtocolEnabled") if isinstance(service, dict) else None
        return {True: "on", False: "off"}.get(enabled, "unclear") if isinstance(enabled, bool) else "unclear"


def _boot(system: Mapping[str, Any]) -> dict[str, Any]:
    boot = system.get("Boot")
    boot = boot if isinstance(boot, dict) else {}
    order = boot.get("BootOrder")
    return {
        "target": text_of(boot, "BootSourceOverrideTarget"),
        "enabled": text_of(boot, "BootSourceOverrideEnabled"),
        "order": [printable(str(item), 100) for item in order[:MAX_MEMBERS]] if isinstance(order, list) else [],
    }
