"""Questions about the metal."""

from collections.abc import Iterable

from django.db import models

from portal.core import clock
from portal.core.errors import NotFound
from portal.core.prepared import Given, Prepared
from portal.fleet.models import NIC, POOL_STATES, Fabric, FirmwareReading, Region, Server, ServerType

_REGION = Prepared(lambda: Region.objects.filter(code=Given("code")))
_SERVER_TYPE = Prepared(lambda: ServerType.objects.filter(slug=Given("slug")))


def regions() -> models.QuerySet[Region]:
    """Return the regions by code."""
    return Region.objects.order_by("code")


def regions_with_fabrics() -> models.QuerySet[Region]:
    """Return the regions by code, each with its fabrics by name."""
    return regions().prefetch_related(models.Prefetch("fabrics", Fabric.objects.order_by("name")))


def server_types() -> models.QuerySet[ServerType]:
    """Return the server types by slug."""
    return ServerType.objects.order_by("slug")


def region_called(code: str) -> Region:
    """Return the region with that code. Raises NotFound."""
    region = _REGION.first(code=code)
    if region is None:
        raise NotFound(f"There is no region {code!r}.")
    return region


def fabric_called(name: str, region: Region) -> Fabric:
    """Return the fabric of a region with that name. Raises NotFound."""
    fabric = Fabric.objects.filter(region=region, name=name).first()
    if fabric is None:
        raise NotFound(f"There is no fabric {name!r} in {region.code}.")
    return fabric


def server_type_called(slug: str) -> ServerType:
    """Return the server type with that slug. Raises NotFound."""
    server_type = _SERVER_TYPE.first(slug=slug)
    if server_type is None:
        raise NotFound(f"There is no server type {slug!r}.")
    return server_type


def pool(server_type: ServerType, region: Region) -> models.QuerySet[Server]:
    """Return the servers of a type in a region that can be promised."""
    return Server.objects.filter(server_type=server_type, region=region, state__in=POOL_STATES)


def overdue_servers() -> models.QuerySet[Server]:
    """Return servers whose working state has passed its deadline."""
    return Server.objects.filter(state_deadline_at__lt=clock.now()).order_by("pk")


def firmware_of(server: Server, operation_id: str) -> list[FirmwareReading]:
    """Return what the components of a server were found to run in one operation, by component."""
    found = FirmwareReading.objects.filter(server=server, operation_id_text=operation_id)
    return list(found.order_by("component"))


def inner_addresses(server_pks: Iterable[int]) -> dict[int, str]:
    """Return under which addresses servers reach one another, by their pks; those without one are reached as we do."""
    found = NIC.objects.filter(server__in=list(server_pks), address__isnull=False)
    return {pk: str(address) for pk, address in found.values_list("server_id", "address")}
