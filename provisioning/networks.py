"""The steps that move ports: where each server's port is to go, noted before the run and proved after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction

from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from portal.fleet.models import Network, NetworkKind, SwitchPort
from portal.fleet.moving import begin_moves, settle_moves
from portal.fleet.networks import allocate_network
from portal.fleet.ports import isolated_among
from portal.operations.models import Operation, OperationServer
from portal.operations.services import claims
from provisioning.catalogue import Goal, PlaybookStep, work_of
from provisioning.claim import Lease
from provisioning.inventory import Goals

UNKNOWN, EXHAUSTED = "network_unknown", "network_exhausted"
PROVIDERS = {Goal.PROVISIONING: NetworkKind.PROVISIONING, Goal.CLEANING: NetworkKind.CLEANING}


@dataclass
class Plan:
    """What a step means for its servers, by part: where ports go, which are there for certain, and who is refused."""

    goals: dict[int, Network | None] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Code and detail."""


def goals_of(kind: str) -> list[Goal]:
    """Return where an operation of that kind moves ports; nowhere in installations that control no switches."""
    if not settings.METALYARD_NETWORKS:
        return []
    steps = work_of(kind).steps
    return [step.moves_to for step in steps if isinstance(step, PlaybookStep) and step.moves_to is not None]


def plan_of(parts: Sequence[OperationServer], goals: Sequence[Goal]) -> Plan:
    """Return where ports would go, the last of ``goals`` for each; tenants' networks are taken where they have none.

    Call inside a transaction. A server that is refused has no goal.
    """
    plan = Plan()
    if not goals:
        return plan
    known = SwitchPort.objects.select_related("switch").in_bulk(
        [part.server_id for part in parts], field_name="server_id"
    )
    networks: dict[tuple[int, Goal], Network | None] = {}
    # Who takes networks of several fabrics does so in the order of their keys.
    for part in sorted(parts, key=lambda item: (item.server.fabric_id, item.pk)):
        if part.server_id not in known:
            plan.refused[part.pk] = UNKNOWN, f"no switch port is recorded for {part.server.name}"
            continue
        part.server.port = known[part.server_id]
        try:
            for goal in goals:
                place = part.server.fabric_id, goal
                if place not in networks:
                    networks[place] = _network_of(part, goal)
                plan.goals[part.pk] = networks[place]
        except StateConflict as error:
            plan.goals.pop(part.pk, None)
            plan.refused[part.pk] = (EXHAUSTED if goal is Goal.TENANT else UNKNOWN), error.detail
    return plan


def _network_of(part: OperationServer, goal: Goal) -> Network | None:
    """Return the network that a goal means for a server. Raises StateConflict where there is none."""
    if goal is Goal.NONE:
        return None
    fabric, project = part.server.fabric, part.operation.project
    if goal is Goal.TENANT:
        if project is None:
            raise StateConflict("the operation is for no project")
        return allocate_network(actor=SYSTEM, project=project, fabric=fabric)
    network = Network.objects.filter(fabric=fabric, kind=PROVIDERS[goal]).first()
    if network is None:
        raise StateConflict(f"no {goal} network is recorded for {fabric}")
    return network


def depart(lease: Lease, operation: Operation, goal: Goal, parts: Sequence[OperationServer]) -> Plan:
    """Note on the rows where ports are about to go. Raises ClaimLost.

    One that is proved to be in no network and goes to none is settled: there is nothing to do.
    """
    with transaction.atomic():
        claims.guard(lease.claim)
        plan = plan_of(parts, [goal])
        isolated = isolated_among(part.server for part in parts) if goal is Goal.NONE else set()
        plan.settled = {part.pk for part in parts if part.pk in plan.goals and part.server_id in isolated}
        moving = {part.server: part for part in parts if part.pk in plan.goals and part.pk not in plan.settled}
        refused = begin_moves(
            actor=SYSTEM,
            goals={server: plan.goals[part.pk] for server, part in moving.items()},
            operation_id=operation.public_id,
            epoch=lease.claim.epoch,
        )
    plan.refused |= {moving[server].pk: (UNKNOWN, why) for server, why in refused.items()}
    return plan


def arrive(
    lease: Lease, operation: Operation, goals: Goals, reports: Mapping[OperationServer, Mapping[str, Any]]
) -> dict[int, str]:
    """Note where switches said that ports are; return, by part, what is wrong with that: nothing for one that arrived.

    Raises ClaimLost.
    """
    said: dict[OperationServer, int | None] = {}
    wrong = {}
    for part, report in reports.items():
        found = report.get("port_network")
        if isinstance(found, Mapping) and "vlan_id" in found:
            said[part] = found["vlan_id"]
        else:
            wrong[part.pk] = "the switch's answer was not reported"
    with transaction.atomic():
        claims.guard(lease.claim)
        arrived = settle_moves(
            actor=SYSTEM,
            goals={part.server: goals[part.pk] for part in said},
            said={part.server: vlan_id for part, vlan_id in said.items()},
            operation_id=operation.public_id,
        )
    for part, vlan_id in said.items():
        if part.server not in arrived:
            network = goals[part.pk]
            wanted = network.vlan_id if network else "none"
            wrong[part.pk] = f"the switch says VLAN {str(vlan_id)[:40]}, wanted {wanted}"
    return wrong
