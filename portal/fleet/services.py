"""What happens to servers. Only the outcome path and the reconciler call the ones that follow machine work."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import transaction

from portal.audit.services import record, target_of
from portal.audit.transitions import advance
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import FieldError, InvalidInput, StateConflict
from portal.core.locks import lock_row
from portal.fleet.certificates import NOBODY, LeftBy, issue_certificates
from portal.fleet.erase_policy import EraseMethod, ErasePolicy, VerifyMode
from portal.fleet.erasures import flaws_of
from portal.fleet.models import Server, ServerType
from portal.fleet.states import ServerState

LONGEST_TIME = timedelta(days=7)
"""Most that a server type may need to be prepared, or to be cleaned up."""


def begin_deploy(*, actor: Actor, server: Server, reason: str) -> None:
    """Take an available server into work for a reservation. Raises StateConflict."""
    advance(server, ServerState.DEPLOYING, actor=actor, reason=reason)


def hand_over(*, actor: Actor, server: Server) -> None:
    """Note that a deployed server is the tenant's now. Raises StateConflict."""
    advance(server, ServerState.IN_USE, actor=actor)


def fail_deploy(*, actor: Actor, server: Server, reason: str) -> None:
    """Take a server that could not be deployed out of the pool. Raises StateConflict."""
    advance(server, ServerState.DEPLOY_FAILED, actor=actor, reason=reason)


def begin_release(*, actor: Actor, server: Server, reason: str) -> None:
    """Start erasing a server. Raises StateConflict."""
    advance(server, ServerState.RELEASING, actor=actor, reason=reason)


@transaction.atomic
def return_to_pool(*, actor: Actor, server: Server, operation_id: str, left_by: LeftBy = NOBODY) -> None:
    """Make a releasing server available again, with a certificate for each drive.

    Raises StateConflict unless the operation left proof for every drive of the server.
    """
    flaws = flaws_of(server, operation_id)
    if flaws:
        raise StateConflict(f"{server.name} has no proof of erasure ({'; '.join(flaws)}): quarantine it.")
    advance(server, ServerState.AVAILABLE, actor=actor, reason=f"erased and read back by {operation_id}")
    issue_certificates(actor=actor, server=server, operation_id=operation_id, left_by=left_by)


@transaction.atomic
def fail_release(*, actor: Actor, server: Server, reason: str) -> None:
    """Note that erasure failed or is unproved, and quarantine the server at once."""
    advance(server, ServerState.RELEASE_FAILED, actor=actor, reason=reason)
    advance(server, ServerState.QUARANTINED, actor=actor, reason=reason)


def quarantine(*, actor: Actor, server: Server, reason: str) -> None:
    """Take a server out of the pool until a person has looked at it. Raises StateConflict."""
    advance(server, ServerState.QUARANTINED, actor=actor, reason=reason)


def begin_maintenance(*, actor: Actor, server: Server, reason: str) -> None:
    """Give a free or quarantined server to the technicians. Raises StateConflict."""
    advance(server, ServerState.MAINTENANCE, actor=actor, reason=reason)


def retire(*, actor: Actor, server: Server, reason: str) -> None:
    """Take a server out of service for good. Raises StateConflict."""
    advance(server, ServerState.RETIRED, actor=actor, reason=reason)


@transaction.atomic
def overrun(*, actor: Actor, server: Server) -> None:
    """Move a server whose working state passed its deadline to that state's failure twin.

    Raises StateConflict for one that is not overdue, or no longer.
    """
    # The row as it is now: in a second round through the same state it has a new deadline.
    deadline = lock_row(Server, server.pk).state_deadline_at
    if deadline is None or deadline > clock.now():
        raise StateConflict(f"{server.name} is {server.state} and not overdue.", extra={"state": server.state})
    before = server.STATES.states[server.state]
    advance(server, before.overdue, actor=actor, reason=f"{before.name} took longer than {before.deadline}")


@transaction.atomic
def give_up_erasure(*, actor: Actor, server: Server, reason: str) -> None:
    """Quarantine a server whose erasure was called off, whether it had begun or not; one that is free stays free.

    Raises StateConflict when somebody else changes it at the same time.
    """
    fresh = lock_row(Server, server.pk)
    if fresh.state == ServerState.RELEASING:
        fail_release(actor=actor, server=fresh, reason=reason)
        return
    if fresh.state == ServerState.DEPLOYING:
        fail_deploy(actor=actor, server=fresh, reason=reason)
    if fresh.state in (ServerState.IN_USE, ServerState.DEPLOY_FAILED):
        quarantine(actor=actor, server=fresh, reason=reason)


BAND_FIELDS = ("allreduce_busbw_gbps_min", "allreduce_busbw_gbps_max")
ACCEPTANCE_FIELDS = ("is_emulated", "gpu_driver", "nvlinks", "fabric_ports", "link_rate_gbps", *BAND_FIELDS)
"""What a server of a type must be like, beside what is sold, to be handed over."""


@transaction.atomic
def set_acceptance(*, actor: Actor, server_type: ServerType, **promised: Any) -> None:
    """Set what servers of a type must be like to be handed over: values of ACCEPTANCE_FIELDS.

    Raises InvalidInput on ``link_rate_gbps`` without ports that it could be the rate of, and on
    ``allreduce_busbw_gbps_max`` where it is not above a minimum.
    """
    least, most = (promised[name] for name in BAND_FIELDS)
    if most and not 0 < least < most:
        raise InvalidInput.of("allreduce_busbw_gbps_max", "no_band", "Say a minimum, and a maximum above it.")
    if promised["link_rate_gbps"] and not promised["fabric_ports"]:
        raise InvalidInput.of("link_rate_gbps", "needs_ports", "Say how many ports must have this rate.")
    fresh = lock_row(ServerType, server_type.pk)
    changed = {name: promised[name] for name in ACCEPTANCE_FIELDS if getattr(fresh, name) != promised[name]}
    if not changed:
        return
    for name, value in changed.items():
        setattr(fresh, name, value)
        setattr(server_type, name, value)
    fresh.save(update_fields=list(changed))
    record(
        actor=actor,
        verb="server_type.acceptance_set",
        target=target_of(fresh),
        data={"slug": fresh.slug, "set": changed},
    )


@transaction.atomic
def set_times(
    *,
    actor: Actor,
    server_type: ServerType,
    lead_time: timedelta,
    cleanup_time: timedelta,
    times_are_measured: bool | None = None,
) -> None:
    """Set how long servers of a type take to be prepared and to be cleaned up; what is booked keeps its times.

    ``times_are_measured`` lets the second one follow what past erasures took; None leaves that as it is.
    Raises InvalidInput on ``lead_time`` or ``cleanup_time`` outside 0 to LONGEST_TIME.
    """
    limit = f"Give a time from 0 to {LONGEST_TIME.days} days."
    wrong = [
        FieldError(field, "out_of_range", limit)
        for field, value in (("lead_time", lead_time), ("cleanup_time", cleanup_time))
        if not timedelta(0) <= value <= LONGEST_TIME
    ]
    if wrong:
        raise InvalidInput(limit, errors=wrong)
    fresh = lock_row(ServerType, server_type.pk)
    before = _times_of(fresh)
    fresh.lead_time, fresh.cleanup_time = lead_time, cleanup_time
    if times_are_measured is not None:
        fresh.times_are_measured = times_are_measured
    after = _times_of(fresh)
    if before == after:
        return
    fresh.save(update_fields=["lead_time", "cleanup_time", "times_are_measured"])
    server_type.lead_time, server_type.cleanup_time = lead_time, cleanup_time
    server_type.times_are_measured = fresh.times_are_measured
    record(
        actor=actor,
        verb="server_type.times_set",
        target=target_of(server_type),
        data={"slug": fresh.slug, "from": before, "to": after},
    )


def _times_of(server_type: ServerType) -> dict[str, float | bool]:
    return {
        "lead_time_s": server_type.lead_time.total_seconds(),
        "cleanup_time_s": server_type.cleanup_time.total_seconds(),
        "are_measured": server_type.times_are_measured,
    }


@transaction.atomic
def set_erase_policy(*, actor: Actor, server_type: ServerType, methods: Sequence[str], verify: str) -> None:
    """Set how servers of a type are erased from now on, the best way first, and how much of them is read back.

    An erasure under way is judged by what holds when it is done. Raises InvalidInput on ``methods`` or ``verify``.
    """
    wrong = []
    if not methods or len(set(methods)) < len(methods) or not set(methods) <= set(EraseMethod):
        hint = f"Give one or more of {', '.join(EraseMethod)}, the best first, each once."
        wrong.append(FieldError("methods", "invalid", hint))
    if verify not in set(VerifyMode):
        wrong.append(FieldError("verify", "invalid_choice", f"Give one of {', '.join(VerifyMode)}."))
    if wrong:
        raise InvalidInput(" ".join(error.detail for error in wrong), errors=wrong)
    fresh = lock_row(ServerType, server_type.pk)
    before, after = fresh.erase_policy, ErasePolicy(tuple(methods), VerifyMode(verify))
    if before == after:
        return
    fresh.erase_methods, fresh.erase_verify = list(after.methods), after.verify
    fresh.save(update_fields=["erase_methods", "erase_verify"])
    server_type.erase_methods, server_type.erase_verify = fresh.erase_methods, fresh.erase_verify
    record(
        actor=actor,
        verb="server_type.erase_policy_set",
        target=target_of(server_type),
        data={"slug": fresh.slug, "from": asdict(before), "to": asdict(after)},
    )


@transaction.atomic
def set_spare(*, actor: Actor, server: Server, is_spare: bool) -> None:
    """Hold a server back from sale, or sell it again; what is booked on it stays."""
    fresh = lock_row(Server, server.pk)
    if fresh.is_spare == is_spare:
        return
    Server.objects.filter(pk=fresh.pk).update(is_spare=is_spare)
    server.is_spare = is_spare
    record(
        actor=actor,
        verb="server.held_back" if is_spare else "server.sold_again",
        target=server.public_id,
        data={"name": fresh.name},
    )
