"""Asking one BMC for collections by Redfish, with as few requests as it allows."""

import json
import time
from dataclasses import dataclass
from typing import Any

import httpx

from provisioning.credentials import Login
from provisioning.host_logger import Unreadable, read

MOST_MEMBERS = 64
"""Most members of a collection that are looked at."""
Resource = dict[str, Any]


class OutOfTime(Exception):
    """The sweep has no time for another request."""


@dataclass(frozen=True)
class Asking:
    """One BMC, and until when it may be asked: ``deadline`` is of ``time.monotonic``, in seconds."""

    http: httpx.Client
    address: str
    login: Login
    deadline: float

    def get(self, path: str) -> Resource:
        """Return the resource at a path. Raises Unreadable, and OutOfTime before a request that comes too late."""
        if time.monotonic() > self.deadline:
            raise OutOfTime
        try:
            found = json.loads(read(self.http, f"{self.address}{path}", self.login))
        except (ValueError, RecursionError) as error:
            raise Unreadable("this is no JSON") from error
        if not isinstance(found, dict):
            raise Unreadable("this is no resource")
        return found

    def levels(self) -> int:
        """Return how many levels below a resource the BMC gives in one answer (DSP0266, "Expand query parameter")."""
        try:
            expand = part(self.get("/redfish/v1/"), "ProtocolFeaturesSupported", "ExpandQuery")
        except Unreadable:
            return 0
        if expand.get("NoLinks") is not True or expand.get("Levels") is not True:
            return 0
        most = expand.get("MaxLevels", 1)
        return most if type(most) is int and most > 0 else 0

    def members(self, path: str, levels: int) -> list[Resource]:
        """Return the members of a collection: in one request where ``levels`` is above 0, one by one otherwise.

        Raises Unreadable and OutOfTime.
        """
        found = self.get(f"{path}?$expand=.($levels={levels})" if levels else path).get("Members")
        if not isinstance(found, list):
            raise Unreadable("this is no collection")
        members = [member for member in found[:MOST_MEMBERS] if isinstance(member, dict)]
        return [self._whole(member) for member in members]

    def _whole(self, member: Resource) -> Resource:
        link = member.get("@odata.id")
        if len(member) > 1 or not isinstance(link, str) or not link.startswith("/redfish/v1/"):
            return member
        return self.get(link)


def part(resource: Resource, *names: str) -> Resource:
    """Return an object within a resource, empty where it is not there."""
    for name in names:
        inner = resource.get(name)
        resource = inner if isinstance(inner, dict) else {}
    return resource
