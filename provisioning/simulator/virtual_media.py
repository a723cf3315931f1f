"""The virtual drive of a BMC (DSP0268, VirtualMedia): one, for CDs, that takes images by their address."""

from typing import Any
from urllib.parse import urlsplit

from provisioning.simulator.chassis import Chassis

DEVICE = "Cd"
LONGEST_ADDRESS = 2048
INSERT, EJECT = "VirtualMedia.InsertMedia", "VirtualMedia.EjectMedia"


def shelf_of(machine: Chassis) -> str:
    """Return the path of the collection of a BMC's virtual drives."""
    return f"/redfish/v1/Managers/{machine.spec.uuid}/VirtualMedia"


def resource(machine: Chassis, rest: list[str]) -> dict[str, Any] | None:
    """Return what is at a path below a system or manager, None when that is not about virtual drives."""
    shelf = shelf_of(machine)
    match rest:
        case ["Systems" | "Managers", "VirtualMedia"]:
            return {
                "@odata.id": shelf,
                "@odata.type": "#VirtualMediaCollection.VirtualMediaCollection",
                "Members": [{"@odata.id": f"{shelf}/{DEVICE}"}],
                "Members@odata.count": 1,
            }
        case ["Systems" | "Managers", "VirtualMedia", device] if device == DEVICE:
            return _drive(machine, f"{shelf}/{DEVICE}")
    return None


def _drive(machine: Chassis, path: str) -> dict[str, Any]:
    image = machine.setting.image
    return {
        "@odata.id": path,
        "@odata.type": "#VirtualMedia.v1_4_0.VirtualMedia",
        "Id": DEVICE,
        "Name": "Virtual CD",
        "MediaTypes": ["CD", "DVD"],
        "Image": image or None,
        "ImageName": urlsplit(image).path.rpartition("/")[2] if image else None,
        "Inserted": bool(image),
        "ConnectedVia": "URI" if image else "NotConnected",
        "WriteProtected": True,
        "TransferMethod": "Upload",
        "Actions": {f"#{action}": {"target": f"{path}/Actions/{action}"} for action in (INSERT, EJECT)},
    }


def is_action(rest: list[str]) -> bool:
    """Tell whether a path is one of the two actions."""
    return rest in (["Managers", "VirtualMedia", DEVICE, "Actions", action] for action in (INSERT, EJECT))


def act(machine: Chassis, rest: list[str], body: dict[str, Any]) -> None:
    """Do an action. Raises ValueError for a body that it does not take and an image that cannot be had."""
    if rest[-1] == EJECT:
        machine.eject()
        return
    image, more = body.get("Image"), {name: value for name, value in body.items() if name != "Image"}
    # The parameters that DSP0268 gives a default; every other value of them would be one that we cannot do.
    allowed = {"Inserted": True, "WriteProtected": True, "MediaType": DEVICE.upper(), "TransferMethod": "Upload"}
    wrong = [name for name, value in more.items() if name not in allowed or value != allowed[name]]
    if wrong:
        raise ValueError(f"InsertMedia cannot do this {wrong[0]}")
    if machine.setting.image:
        raise ValueError("the drive holds an image: eject it first")
    machine.insert(_checked(image))


def _checked(image: Any) -> str:
    try:
        parts = urlsplit(image) if isinstance(image, str) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or len(image) > LONGEST_ADDRESS:
        raise ValueError("Image must be an address that begins with http:// or https://")
    return str(image)
