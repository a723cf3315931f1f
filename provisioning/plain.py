"""The same playbooks as an operation's, by a plain ``ansible-playbook`` and no worker: what `bench` compares with.

No claim, no runner, no events, no row moved on: only the boot tokens that machines cannot do without, and waiting
until the machines have reported. It is a yardstick and leaves the operation to whoever queued it.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from portal.fleet.ports import placement_of
from portal.operations.models import BootToken, Operation, OperationServer
from portal.operations.selectors import parts_of
from portal.operations.services.steps import replace_boots
from provisioning.catalogue import AwaitStep, Goal, PlaybookStep, scaled, work_of
from provisioning.fence import Fence, write_fence
from provisioning.handing_over import provide
from provisioning.inventory import Goals, inventory_of
from provisioning.networks import goals_of, plan_of
from provisioning.play import boot_uri, boot_valid_for, extra_vars
from provisioning.runner import MAX_FORKS, PLAYBOOKS
from provisioning.workspace import workspace

EPOCH = 1
POLL_S = 0.1


class PlainFailed(Exception):
    """A playbook failed, or a machine did not report well."""


@dataclass(frozen=True)
class Took:
    """What it cost: seconds of the clock, seconds of processors in Ansible, and how many runs."""

    wall_s: float
    cpu_s: float
    runs: int


def play_plainly(operation: Operation) -> Took:
    """Do the steps of a queued operation that no worker has taken, over all of its servers. Raises PlainFailed."""
    began, before, runs = time.monotonic(), _children_s(), 0
    apart = {part.pk for part in parts_of(operation) if _is_isolated(part)}
    for step in work_of(operation.kind).steps:
        parts = list(parts_of(operation))
        # Read anew: what the machines reported belongs to what the next playbook is told.
        if isinstance(step, PlaybookStep) and step.moves_to is not None:
            runs += _move(step, step.moves_to, operation, parts, apart)
        elif isinstance(step, PlaybookStep):
            _play(step, parts)
            runs += 1
        elif isinstance(step, AwaitStep):
            _await(step, parts)
    return Took(time.monotonic() - began, _children_s() - before, runs)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _is_isolated(part: OperationServer) -> bool:
    placement = placement_of(part.server)
    return placement is not None and placement.is_isolated


def _move(
    step: PlaybookStep, goal: Goal, operation: Operation, parts: Sequence[OperationServer], apart: set[int]
) -> int:
    """Move ports as an operation does; those ``apart`` are in no network. No row says it. Returns the runs."""
    if goal not in goals_of(operation.kind):
        return 0
    with transaction.atomic():
        plan = plan_of(parts, [goal])
    if plan.refused:
        raise PlainFailed(f"{step.playbook}: {plan.refused}")
    moving = [part for part in parts if goal is not Goal.NONE or part.pk not in apart]
    if moving:
        _play(step, moving, plan.goals)
    apart.clear()
    if goal is Goal.NONE:
        apart.update(part.pk for part in parts)
    return 1 if moving else 0


def _play(step: PlaybookStep, parts: Sequence[OperationServer], goals: Goals | None = None) -> None:
    uris = {}
    if step.boot is not None:
        pks = [part.pk for part in parts]
        tokens = replace_boots(part_pks=pks, purpose=step.boot, valid_for=boot_valid_for(step))
        uris = {pk: boot_uri(token) for pk, token in tokens.items()}
    with workspace() as folder:
        fence = folder / "fence.json"
        write_fence(fence, Fence(EPOCH, time.time() + scaled(step.time_limit).total_seconds()))
        if step.hands_over:
            provide(folder, parts)
        # Thrown away with the folder; to judge it is the portal's share.
        told = {
            **extra_vars(fence, EPOCH),
            "verify_ssh_folder": str(folder),
            "hand_over_folder": str(folder),
            "ansible_python_interpreter": sys.executable,
        }
        (folder / "inventory.json").write_text(json.dumps(inventory_of(parts, uris, goals)))
        (folder / "extra_vars.json").write_text(json.dumps(told))
        argv = [str(Path(sys.executable).with_name("ansible-playbook")), "--forks", str(min(len(parts), MAX_FORKS))]
        argv += ["-i", str(folder / "inventory.json"), "-e", f"@{folder / 'extra_vars.json'}"]
        env = {**os.environ, "ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"), "ANSIBLE_HOME": str(folder / "ansible")}
        done = subprocess.run(
            [*argv, str(PLAYBOOKS / step.playbook)], env=env, capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise PlainFailed(f"{step.playbook}: {(done.stdout + done.stderr)[-2000:]}")


def _await(step: AwaitStep, parts: Sequence[OperationServer]) -> None:
    """Wait for every machine's report; keep what the next playbook needs of it."""
    deadline = time.monotonic() + scaled(step.time_limit).total_seconds()
    boots = BootToken.objects.filter(part__in=[part.pk for part in parts], purpose=step.purpose, revoked_at=None)
    while (done := boots.filter(reported_at__isnull=False).count()) < len(parts):
        if time.monotonic() > deadline:
            raise PlainFailed(f"{step.stage.name}: {done} of {len(parts)} machines reported")
        time.sleep(POLL_S)
    for boot in boots:
        if not boot.result.get("ok"):
            raise PlainFailed(f"{step.stage.name}: {boot.result}")
        if keys := boot.result.get("host_keys"):
            OperationServer.objects.filter(pk=boot.part_id).update(host_keys=keys)
