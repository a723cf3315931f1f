"""Which networks a fabric has: the provider's own, and one for each project that has servers there."""

from collections.abc import Iterable

from django.db import transaction

from portal.audit.services import record, target_of
from portal.core.actors import Actor
from portal.core.errors import FieldError, InvalidInput, StateConflict
from portal.core.locks import lock_row
from portal.fleet.models import Fabric, Network, NetworkKind, PortPlacement, VlanRange
from portal.fleet.models.network import FIRST_PARTITION, FIRST_VLAN, LAST_PARTITION, LAST_VLAN
from portal.tenancy.models import Project

PROVIDERS = (NetworkKind.MANAGEMENT, NetworkKind.PROVISIONING, NetworkKind.CLEANING)
"""Networks that no tenant is in; a fabric has one of each."""
BOUNDS = f"Give a number from {FIRST_VLAN} to {LAST_VLAN}."


def _lowest_free(first: int, last: int, taken: Iterable[int]) -> int | None:
    """Return the lowest number of a range, both ends included, that is not taken; None where all are."""
    used = set(taken)
    return next((number for number in range(first, last + 1) if number not in used), None)


def _is_vlan(number: int) -> bool:
    return FIRST_VLAN <= number <= LAST_VLAN


@transaction.atomic
def set_vlan_range(*, actor: Actor, fabric: Fabric, first: int, last: int) -> None:
    """Set which VLANs of a fabric tenants' networks are taken from; those that are in use stay.

    Raises InvalidInput on ``first`` and ``last``.
    """
    wrong = [FieldError(name, "out_of_range", BOUNDS) for name, number in _named(first, last) if not _is_vlan(number)]
    if not wrong and last < first:
        wrong = [FieldError("last", "out_of_range", f"Give a number from {first} on: the last is not below the first.")]
    if wrong:
        raise InvalidInput(" ".join(error.detail for error in wrong), errors=wrong)
    lock_row(Fabric, fabric.pk)
    VlanRange.objects.update_or_create(fabric=fabric, defaults={"first": first, "last": last})
    record(actor=actor, verb="fabric.vlan_range_set", target=fabric.public_id, data={"first": first, "last": last})


def _named(first: int, last: int) -> tuple[tuple[str, int], ...]:
    return ("first", first), ("last", last)


@transaction.atomic
def add_network(*, actor: Actor, fabric: Fabric, kind: str, vlan_id: int, vrf: str = "") -> Network:
    """Record one of the provider's own networks of a fabric; its routing table is called like its kind unless given.

    Raises InvalidInput on ``kind`` and ``vlan_id``.
    """
    lock_row(Fabric, fabric.pk)
    known = Network.objects.filter(fabric=fabric)
    wrong = []
    if kind not in PROVIDERS:
        wrong.append(FieldError("kind", "invalid_choice", f"Give one of {', '.join(PROVIDERS)}."))
    elif known.filter(kind=kind).exists():
        wrong.append(FieldError("kind", "duplicate", f"{fabric} has a {kind} network already."))
    if not _is_vlan(vlan_id):
        wrong.append(FieldError("vlan_id", "out_of_range", BOUNDS))
    elif known.filter(vlan_id=vlan_id).exists():
        wrong.append(FieldError("vlan_id", "duplicate", f"VLAN {vlan_id} of {fabric} is in use: give another."))
    if wrong:
        raise InvalidInput(" ".join(error.detail for error in wrong), errors=wrong)
    network = Network.objects.create(fabric=fabric, kind=kind, vlan_id=vlan_id, vrf=vrf or kind)
    _note(actor, "network.added", network)
    return network


@transaction.atomic
def allocate_network(*, actor: Actor, project: Project, fabric: Fabric) -> Network:
    """Return the network of a project in a fabric; it is made where there is none, with the lowest free numbers.

    Who does this for several fabrics does it in the order of their keys. Raises StateConflict when the fabric has no
    VLAN or no partition key left; then nothing has changed.
    """
    lock_row(Fabric, fabric.pk)
    networks = Network.objects.filter(fabric=fabric)
    own = networks.filter(project=project).first()
    if own is not None:
        return own
    limits = VlanRange.objects.filter(fabric=fabric).first()
    if limits is None:
        raise StateConflict(f"{fabric} has no range of VLANs for tenants: set one.")
    vlan_id = _lowest_free(limits.first, limits.last, networks.values_list("vlan_id", flat=True))
    if vlan_id is None:
        raise StateConflict(f"All VLANs of {fabric} for tenants ({limits}) are in use: widen the range.")
    keys = networks.exclude(partition_key=None).values_list("partition_key", flat=True)
    partition_key = _lowest_free(FIRST_PARTITION, LAST_PARTITION, (key for key in keys if key is not None))
    if partition_key is None:
        raise StateConflict(f"All partition keys of {fabric} are in use.")
    network = Network.objects.create(
        fabric=fabric,
        kind=NetworkKind.TENANT,
        project=project,
        vlan_id=vlan_id,
        partition_key=partition_key,
        vrf=f"t-{vlan_id}",
    )
    _note(actor, "network.allocated", network)
    return network


@transaction.atomic
def free_network(*, actor: Actor, network: Network) -> None:
    """Give a tenant's network up: its numbers may be another's at once. One that is gone already stays gone.

    The caller has made sure, with the fabric's row locked, that its project needs it no more. Raises StateConflict
    while a port is in it, and for the provider's own networks.
    """
    lock_row(Fabric, network.fabric_id)
    fresh = Network.objects.filter(pk=network.pk).first()
    if fresh is None:
        return
    if fresh.kind != NetworkKind.TENANT:
        raise StateConflict(f"{fresh} is the provider's own network.")
    if ports_of(fresh):
        raise StateConflict(f"Ports are in {fresh}: {', '.join(map(str, ports_of(fresh)[:3]))}.")
    _note(actor, "network.freed", fresh)
    fresh.delete()


def ports_of(network: Network) -> list[PortPlacement]:
    """Return what is in a network, or may be."""
    found = PortPlacement.objects.select_related("port__switch", "network", "moving_to")
    return list((found.filter(network=network) | found.filter(moving_to=network)).order_by("pk"))


def _note(actor: Actor, verb: str, network: Network) -> None:
    project = network.project
    record(
        actor=actor,
        verb=verb,
        target=target_of(network),
        scope=project.organization.public_id if project else "",
        data={
            "fabric": network.fabric.public_id,
            "kind": network.kind,
            "project": project.public_id if project else None,
            "vlan_id": network.vlan_id,
            "partition_key": network.partition_key,
        },
    )
