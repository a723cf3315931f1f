"""Judging what a BMC is like against what is recorded: from a playbook's report to findings. Pure.

The report is what the BMC said of itself: a BMC whose own firmware was replaced by one that lies is not found out here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from portal.fleet.controllers import Firmware, Recorded
from portal.fleet.models import FirmwareBaseline

ROLE = "Administrator"
"""Role of our own account (DSP0268, ManagerAccount, RoleId)."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be: a code of the failures' table and what exactly."""

    code: str
    detail: str


def findings_of(report: Mapping[str, Any], recorded: Recorded) -> list[Finding]:
    """Return all that differs. Raises KeyError, TypeError for a report that is not the plugin's."""
    found = report["controller"]
    return [
        *_accounts(found["accounts"], recorded),
        *_boot(found["boot"], recorded),
        *(Finding("bmc_media_inserted", f"{item['device']}: {item['image'] or 'unnamed'}") for item in found["media"]),
        *(
            Finding("firmware_differs", f"{item.component}: {item.version or 'missing'}, expected {_or_none(item)}")
            for item in firmware_of(report, recorded)
            if not item.matches
        ),
        *([Finding("bmc_ipmi_on", f"IPMI over LAN is {found['ipmi']}")] if found["ipmi"] in ("on", "unclear") else []),
        *([] if report.get("password") == "changed" else [Finding("bmc_password_unproved", "nothing was reported")]),
    ]


def _accounts(accounts: list[dict[str, Any]], recorded: Recorded) -> Iterator[Finding]:
    ours = [item for item in accounts if item["name"] == recorded.username]
    if len(ours) != 1 or not ours[0]["enabled"] or ours[0]["role"] != ROLE:
        yield Finding("bmc_account_changed", f"{recorded.username}: {ours or 'missing'}")
    times = Counter(item["name"] for item in accounts)
    for item in accounts:
        # A name that is there twice, as it reads to us, is allowed to neither: one may hide behind the other.
        is_allowed = item["name"] in recorded.accounts and times[item["name"]] == 1
        if item["name"] != recorded.username and not is_allowed:
            yield Finding("bmc_extra_user", f"{item['name'] or 'unnamed'} ({item['role']})")


def _boot(boot: dict[str, Any], recorded: Recorded) -> Iterator[Finding]:
    if boot["enabled"] != "Disabled" and boot["target"] != "None":
        yield Finding("bmc_boot_changed", f"override to {boot['target']} ({boot['enabled']})")
    if tuple(boot["order"]) != recorded.boot_order:
        recorded_order = ", ".join(recorded.boot_order) or "none"
        yield Finding("bmc_boot_changed", f"order {', '.join(boot['order']) or 'none'}, recorded {recorded_order}")


def firmware_of(report: Mapping[str, Any], recorded: Recorded) -> list[Firmware]:
    """Return every component that was reported or is listed, by name; what is not in both does not match."""
    versions: dict[str, str] = {}
    for item in report["controller"]["firmware"]:
        # A name that is given twice must not hide one version behind the other.
        before = versions.get(item["component"])
        versions[item["component"]] = item["version"] if before is None else f"{before}, {item['version']}"
    return [
        Firmware(
            component,
            version=versions.get(component, ""),
            expected=" or ".join(recorded.firmware.get(component, ())),
            matches=_is_allowed(versions.get(component, ""), recorded.firmware.get(component, ())),
        )
        for component in sorted({*versions, *recorded.firmware})
    ]


def _is_allowed(version: str, allowed: tuple[str, ...]) -> bool:
    return bool(version) and (version in allowed or FirmwareBaseline.ANY in allowed)


def _or_none(item: Firmware) -> str:
    return item.expected or "no such component"
