"""Following what a BMC says of itself: links and lists, each of which may be missing, endless or lead astray."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal, printable

MAX_MEMBERS = 64
_LINK = re.compile(r"/redfish/v1/[A-Za-z0-9_~%-][A-Za-z0-9._~%/-]{0,250}")
Get = Callable[[str], dict[str, Any]]


def checked(path: object) -> str:
    """A link that the BMC gave, if it leads to a Redfish resource of that BMC. Raises `Refusal`."""
    if not isinstance(path, str) or not _LINK.fullmatch(path) or ".." in path:
        raise Refusal("bmc_refused", f"The BMC links to {printable(str(path), 80)}, which is no resource.")
    return path


def link(resource: Mapping[str, Any], name: str) -> str:
    """Where the link of that name leads. Raises `Refusal`."""
    target = resource.get(name)
    return checked(target.get("@odata.id") if isinstance(target, dict) else None)


def members(get: Get, path: str) -> list[dict[str, Any]]:
    """The resources of a collection. Raises `Refusal`."""
    found = get(path)
    listed = found.get("Members")
    if not isinstance(listed, list) or "Members@odata.nextLink" in found or len(listed) > MAX_MEMBERS:
        raise Refusal("bmc_refused", f"{path} is not a list of at most {MAX_MEMBERS} members.")
    return [get(checked(item.get("@odata.id") if isinstance(item, dict) else None)) for item in listed]


def manager_of(get: Get, system: Mapping[str, Any]) -> dict[str, Any]:
    """The one manager of a system. Raises `Refusal`."""
    links = system.get("Links")
    managers = links.get("ManagedBy") if isinstance(links, dict) else None
    if not isinstance(managers, list) or len(managers) != 1 or not isinstance(managers[0], dict):
        raise Refusal("bmc_refused", "The BMC does not name the one manager of this server.")
    return get(checked(managers[0].get("@odata.id")))
