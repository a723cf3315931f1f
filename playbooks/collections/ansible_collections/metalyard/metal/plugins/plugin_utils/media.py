"""The BMC's virtual drive: our boot medium goes in and comes out again (DSP0268, VirtualMedia).

What somebody else has put in is left where it is and reported: it is evidence, not in the way of order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.metalyard.metal.plugins.plugin_utils.links import checked, link, manager_of, members
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal
from ansible_collections.metalyard.metal.plugins.plugin_utils.system import System, text_of

_TYPES = {"CD", "DVD"}


class Media:
    """The steps that concern the drive. Every method raises `Refusal` when its step is not proven done.

    `image` is the address of the medium of this boot, `ours` what the addresses of all our media begin with.
    """

    def __init__(self, system: System, *, image: str, ours: str) -> None:
        self._system = system
        self._image = image
        self._ours = ours
        self._path = ""
        self.steps: Mapping[str, Callable[[], None]] = {
            "insert_media": self.insert_media,
            "eject_media": self.eject_media,
        }

    def insert_media(self) -> None:
        """Put this boot's medium into the drive, in place of an earlier one of ours."""
        if not self._image:
            raise Refusal("bad_variables", "boot_uri is needed to insert the medium of a boot.")
        drive = self._drive()
        if drive is None:
            raise Refusal("bmc_refused", "The BMC has no virtual drive for CDs.")
        if _holds(drive):
            if not self._is_ours(drive):
                raise Refusal("bmc_media_inserted", f"{text_of(drive, 'Id')}: {text_of(drive, 'Image') or 'unnamed'}")
            self._do(drive, "VirtualMedia.EjectMedia", {})
        self._do(drive, "VirtualMedia.InsertMedia", {"Image": self._image, "Inserted": True, "WriteProtected": True})
        kept = self._system.get(self._path)
        if kept.get("Inserted") is not True or kept.get("Image") != self._image:
            raise Refusal("bmc_refused", "The BMC accepted the boot medium but does not have it in its drive.")

    def eject_media(self) -> None:
        """Take our medium out; nothing is done where there is none of ours, or no drive."""
        drive = self._drive()
        if drive is None or not (_holds(drive) and self._is_ours(drive)):
            return
        self._do(drive, "VirtualMedia.EjectMedia", {})
        kept = self._system.get(self._path)
        if _holds(kept) and self._is_ours(kept):
            raise Refusal("bmc_refused", "The BMC accepted to eject the boot medium but still has it in its drive.")

    def _drive(self) -> dict[str, Any] | None:
        """The first drive that takes CDs; its path is remembered. None when the BMC has none."""
        manager = manager_of(self._system.get, self._system.get(self._system.path))
        if "VirtualMedia" not in manager:
            return None
        for drive in members(self._system.get, link(manager, "VirtualMedia")):
            types = drive.get("MediaTypes")
            if isinstance(types, list) and any(kind in _TYPES for kind in types if isinstance(kind, str)):
                self._path = checked(drive.get("@odata.id"))
                return drive
        return None

    def _is_ours(self, drive: Mapping[str, Any]) -> bool:
        image = drive.get("Image")
        return isinstance(image, str) and bool(self._ours) and image.startswith(self._ours)

    def _do(self, drive: Mapping[str, Any], action: str, body: dict[str, Any]) -> None:
        actions = drive.get("Actions")
        known = actions.get(f"#{action}") if isinstance(actions, dict) else None
        self._system.write("POST", checked(known.get("target") if isinstance(known, dict) else None), body)


def _holds(drive: Mapping[str, Any]) -> bool:
    """Whether something is in the drive, or may be: what is not clearly empty is not."""
    return drive.get("Inserted") is not False or bool(drive.get("Image"))
