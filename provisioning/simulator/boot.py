"""Redfish's boot override: what a PATCH of ``Boot`` makes of the setting that a BMC has (DSP0268, ComputerSystem)."""

from typing import Any

from provisioning.simulator.chassis import Setting

TARGETS = ("None", "Pxe", "Cd", "Hdd", "UefiHttp")
ENABLED = ("Disabled", "Once", "Continuous")
_KNOWN = {"BootSourceOverrideTarget", "BootSourceOverrideEnabled", "BootSourceOverrideMode", "HttpBootUri"}


def merged(setting: Setting, boot: dict[str, Any]) -> tuple[str, str, str]:
    """Return (target, enabled, uri) after ``boot``; what it does not name stays.

    A target that comes without ``BootSourceOverrideEnabled`` is for one boot. Raises ValueError.
    """
    wrong = [name for name, value in boot.items() if name not in _KNOWN or not isinstance(value, str)]
    if wrong or not boot:
        raise ValueError(f"Boot takes texts for {', '.join(sorted(_KNOWN))}")
    if boot.get("BootSourceOverrideMode", "UEFI") != "UEFI":
        raise ValueError("this system boots by UEFI only")
    target = boot.get("BootSourceOverrideTarget", setting.target)
    if target not in TARGETS:
        raise ValueError(f"unsupported boot target {target}")
    default = "Once" if "BootSourceOverrideTarget" in boot else setting.enabled
    enabled = boot.get("BootSourceOverrideEnabled", default)
    if enabled not in ENABLED:
        raise ValueError(f"unsupported BootSourceOverrideEnabled {enabled}")
    if target == "None" or enabled == "Disabled":
        return "None", "Disabled", ""
    return target, enabled, boot.get("HttpBootUri", setting.uri) if target == "UefiHttp" else ""
