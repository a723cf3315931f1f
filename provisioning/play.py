"""Running one playbook over a batch of servers, and what its results mean for each of them."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from portal.operations.models import Operation, OperationServer
from portal.operations.services import steps
from portal.operations.states import PartState
from provisioning.accepting import accept, kept_in
from provisioning.catalogue import PlaybookStep, ends_its_stage, scaled
from provisioning.claim import Lease
from provisioning.controllers import prepare, settle
from provisioning.handing_over import bandwidth_between, judge_cluster, keep_whole, provide
from provisioning.inventory import Goals, inventory_of
from provisioning.networks import arrive, depart, goals_of
from provisioning.runner import run
from provisioning.runs import HostResult, Run, RunnerEvent, RunResult
from provisioning.workspace import workspace

log = logging.getLogger(__name__)

POWER_ROLES = ("boot_network", "boot_disk", "power_off", "power_on", "shut_down")
"""The roles that switch power and wait until the BMC reports it."""

Fail = Callable[[Lease, OperationServer, str, str], None]


def play(lease: Lease, operation: Operation, step: PlaybookStep, batch: Sequence[OperationServer], fail: Fail) -> None:
    """Run ``step`` over ``batch`` and move each server on, try it again, or fail it.

    Raises ClaimLost when the lease was lost meanwhile; then nothing is written.
    """
    begun = steps.begin_work(
        claim=lease.claim,
        part_pks=[part.pk for part in batch],
        stage=step.stage.name,
        time_limit=scaled(step.time_limit) * 2,
    )
    if not begun:
        return
    if step.moves_to is not None:
        done = _move(lease, operation, step, begun, fail)
    elif step.hands_over:
        done = _hand_over(lease, step, begun, fail)
    else:
        done = _act(lease, step, begun, fail)
    announced = ends_its_stage(operation.kind, begun[0].step)
    steps.finish_steps(claim=lease.claim, part_pks=sorted(done), stage=step.stage.name, announce=announced)


def _act(lease: Lease, step: PlaybookStep, parts: Sequence[OperationServer], fail: Fail) -> set[int]:
    """Run a step and judge its results; return the parts for which it is done."""
    if step.checks_bmc:
        for part in parts:
            prepare(lease, part)
    result, kept = _run(lease, step, parts)
    done = set()
    well = [part for part in parts if result.hosts[part.server.public_id].ok]
    refused = accept(lease, {part: kept.get(part.pk, "") for part in well}) if step.accepts else {}
    for part in parts:
        host = result.hosts[part.server.public_id]
        if not host.ok:
            _settle_failed(lease, part, step, host, fail)
        elif part.pk in refused:
            fail(lease, part, *refused[part.pk])
        elif step.checks_bmc and (findings := settle(lease, part, host.facts)):
            fail(lease, part, findings[0].code, "; ".join(finding.detail for finding in findings))
        else:
            done.add(part.pk)
    return done


def _move(
    lease: Lease, operation: Operation, step: PlaybookStep, parts: Sequence[OperationServer], fail: Fail
) -> set[int]:
    """Move ports and judge where they are then; return the parts whose ports are where they were to go."""
    if step.moves_to not in goals_of(operation.kind):
        return {part.pk for part in parts}
    plan = depart(lease, operation, step.moves_to, parts)
    for part in parts:
        if part.pk in plan.refused:
            fail(lease, part, *plan.refused[part.pk])
    done = set(plan.settled)
    moving = [part for part in parts if part.pk not in plan.settled and part.pk not in plan.refused]
    hosts = _run(lease, step, moving, plan.goals)[0].hosts if moving else {}
    reports = {part: host.facts for part in moving if (host := hosts[part.server.public_id]).ok}
    wrong = arrive(lease, operation, plan.goals, reports) if reports else {}
    for part in moving:
        host = hosts[part.server.public_id]
        if part.pk in wrong:
            host = HostResult(ok=False, error_code="switch_refused", error=wrong[part.pk])
        if host.ok:
            done.add(part.pk)
        else:
            _settle_failed(lease, part, step, host, fail)
    return done


def _hand_over(lease: Lease, step: PlaybookStep, parts: Sequence[OperationServer], fail: Fail) -> set[int]:
    """Make servers one cluster; where that fails for some, the others do it again, for keys of these were spread."""
    result, kept = _run(lease, step, parts)
    failed = judge_cluster(parts, result.hosts, kept)
    if not failed:
        bandwidth = bandwidth_between(parts, kept)
        if not bandwidth.failure:
            keep_whole(lease, parts, kept, bandwidth)
            return {part.pk for part in parts}
        error = f"all-reduce: expected {bandwidth.expected}, found {bandwidth.found}"
        _settle_together(lease, parts, step, HostResult(ok=False, error_code=bandwidth.failure, error=error), fail)
        return set()
    for part in parts:
        if part.pk in failed:
            _settle_failed(lease, part, step, failed[part.pk], fail)
    others = [part.pk for part in parts if part.pk not in failed]
    steps.repeat_step(claim=lease.claim, part_pks=others, reason="another server of the cluster failed")
    return set()


def _run(
    lease: Lease, step: PlaybookStep, parts: Sequence[OperationServer], goals: Goals | None = None
) -> tuple[RunResult, dict[int, str]]:
    """Run the playbook; return its result, and what it kept of each server in the run's folder."""
    with workspace() as folder, lease.fenced(folder / "fence.json") as fence:
        said = folder / "collected"
        said.mkdir(mode=0o700)
        if step.hands_over:
            provide(said, parts)
        result = run(
            Run(
                playbook=step.playbook,
                inventory=inventory_of(parts, _boot_uris(lease, step, parts), goals),
                extra_vars=extra_vars(fence, lease.claim.epoch)
                | ({"verify_ssh_folder": str(said)} if step.accepts else {})
                | ({"hand_over_folder": str(said)} if step.hands_over else {}),
                time_limit_s=max(1, int(scaled(step.time_limit).total_seconds())),
                fence=fence,
                private_data_dir=folder,
                on_event=_log_event,
                should_stop=lease.lost.is_set,
            )
        )
        return result, kept_in(said, parts)


def extra_vars(fence: Path, epoch: int) -> dict[str, Any]:
    """Return what every playbook is told beside its inventory."""
    return {
        "fence_file": str(fence),
        "fence_epoch": epoch,
        "boot_media_url": boot_media_url(),
        "bmc_timeout_s": settings.METALYARD_BMC_TIMEOUT_S,
        "shut_down_grace_s": settings.METALYARD_SHUT_DOWN_GRACE_S,
        **{f"{role}_power_timeout_s": settings.METALYARD_BMC_POWER_TIMEOUT_S for role in POWER_ROLES},
    }


def _log_event(event: RunnerEvent) -> None:
    log.debug("%s", event)


def _boot_uris(lease: Lease, step: PlaybookStep, parts: Sequence[OperationServer]) -> dict[int, str]:
    if step.boot is None:
        return {}
    pks = [part.pk for part in parts]
    tokens = steps.issue_boots(claim=lease.claim, part_pks=pks, purpose=step.boot, valid_for=boot_valid_for(step))
    return {pk: boot_uri(token) for pk, token in tokens.items()}


def boot_valid_for(step: PlaybookStep) -> timedelta:
    """Return how long the token of a boot that ``step`` begins is good for."""
    return scaled(step.time_limit) * 30


def boot_uri(token: str) -> str:
    """Return the address of the medium that a machine boots from."""
    return f"{boot_media_url()}{token}.iso"


def boot_media_url() -> str:
    """Return what the addresses of all boot media begin with."""
    return f"{settings.METALYARD_MEDIA_URL}/agent/v1/media/"


def _settle_failed(lease: Lease, part: OperationServer, step: PlaybookStep, host: HostResult, fail: Fail) -> None:
    log.warning("%s of %s: %s %s", step.playbook, part.hostname, host.error_code, host.error)
    fresh = OperationServer.objects.get(pk=part.pk)
    if fresh.state == PartState.WORKING and fresh.step_attempts < step.attempts:
        steps.retry_step(claim=lease.claim, part_pk=part.pk, error_code=host.error_code, attempts=step.attempts)
    else:
        fail(lease, part, host.error_code or "run_failed", host.error)


def _settle_together(
    lease: Lease, parts: Sequence[OperationServer], step: PlaybookStep, host: HostResult, fail: Fail
) -> None:
    """Settle a failure of all servers alike: none of them fails as long as any may try again."""
    attempts = dict(
        OperationServer.objects.filter(pk__in=[part.pk for part in parts]).values_list("pk", "step_attempts")
    )
    again = [part for part in parts if attempts[part.pk] < step.attempts]
    for part in again or parts:
        _settle_failed(lease, part, step, host, fail)
    if again:
        others = [part.pk for part in parts if part not in again]
        steps.repeat_step(claim=lease.claim, part_pks=others, reason="the servers of the cluster try again together")
