"""Taking away what a customer uses: one of the staff asks for it, another decides, and then it is done at once."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from portal.approvals.kinds import Kind
from portal.approvals.models import Approval
from portal.approvals.services import request_approval
from portal.audit.services import record
from portal.core import clock
from portal.core.actors import SYSTEM, Actor
from portal.core.errors import StateConflict
from portal.core.money import Money
from portal.core.repeating import repeatable
from portal.reservations.charges import Unused
from portal.reservations.models import Reservation
from portal.reservations.services.agreed import require_agreed
from portal.reservations.services.behalf import scope_for
from portal.reservations.services.lifecycle import look_at_release, take_back
from portal.reservations.services.shorten import look_at_shortening, shorten
from portal.reservations.states import ReservationState

FORCED_RELEASE = "forced_release"
"""The kind of approval."""
WAIT = timedelta(days=3)


@repeatable
@transaction.atomic
def ask_for_release(
    *, actor: Actor, reservation: Reservation, reason: str, unused: Unused, agreed: Money | None = None
) -> Approval:
    """Ask that an active reservation end as soon as somebody else agrees; the customer pays by the rule ``unused``.

    ``agreed`` is the most that may be owed if it were done now. Raises StateConflict unless active, PriceChanged, and
    what ``request_approval`` raises.
    """
    require_agreed(look_at_release(reservation, unused).left.total, agreed)
    return _ask(actor, reservation, reason, {"unused": unused.value})


@repeatable
@transaction.atomic
def ask_for_earlier_end(
    *, actor: Actor, reservation: Reservation, ends_at: datetime, reason: str, agreed: Money | None = None
) -> Approval:
    """Ask that an active reservation end at ``ends_at`` as soon as somebody else agrees, on its terms.

    Raises what ``shorten`` raises, StateConflict unless active, and what ``request_approval`` raises.
    """
    _require_in_use(reservation)
    look = look_at_shortening(scope_for(actor, reservation.project), reservation, ends_at)
    require_agreed(look.total, agreed)
    return _ask(actor, reservation, reason, {"ends_at": ends_at.isoformat()})


def _require_in_use(reservation: Reservation) -> None:
    if reservation.state != ReservationState.ACTIVE:
        raise StateConflict(
            f"The reservation is {reservation.state}: what is not in use takes nobody else's approval.",
            extra={"state": reservation.state},
        )


def _ask(actor: Actor, reservation: Reservation, reason: str, data: dict[str, Any]) -> Approval:
    return request_approval(
        actor=actor,
        kind=FORCED_RELEASE,
        subject=reservation.public_id,
        data={**data, "count": reservation.count, "server_type": reservation.server_type.slug},
        reason=reason,
        organization=reservation.organization,
    )


def what_it_comes_to(approval: Approval) -> str:
    """Say what the customer would owe in all if the approval were given now. Raises what doing it would raise."""
    reservation = _subject_of(approval)
    if "ends_at" in approval.data:
        ends_at = datetime.fromisoformat(approval.data["ends_at"])
        total = look_at_shortening(scope_for(SYSTEM, reservation.project), reservation, ends_at).total
        return f"In all it is {total} then."
    look = look_at_release(reservation, Unused(approval.data["unused"]))
    return f"In all it is at most {look.left.total} until {clock.as_rfc3339(look.until)}."


def _subject_of(approval: Approval) -> Reservation:
    found = Reservation.objects.filter(public_id=approval.subject).first()
    if found is None:
        raise StateConflict("The reservation is gone: there is nothing to release.")
    return found


def _execute(actor: Actor, approval: Approval) -> None:
    reservation = _subject_of(approval)
    if "ends_at" in approval.data:
        ends_at = datetime.fromisoformat(approval.data["ends_at"])
        shorten(scope=scope_for(actor, reservation.project), actor=actor, reservation=reservation, ends_at=ends_at)
    else:
        unused = Unused(approval.data["unused"])
        take_back(actor=actor, reservation=reservation, reason=approval.reason, unused=unused)
    record(
        actor=actor,
        verb="reservation.release_forced",
        target=reservation.public_id,
        scope=reservation.organization.public_id,
        data={"approval": approval.public_id, "asked_by": approval.requester_label, "reason": approval.reason},
    )


PAYS = {Unused.PAID: "paid in full", Unused.BY_TERMS: "paid by its terms", Unused.FREE: "the rest is free"}


def _size(data: Mapping[str, Any]) -> str:
    servers = f"{data['count']} x {data['server_type']}"
    if "ends_at" in data:
        return f"{servers}, ends at {clock.as_rfc3339(datetime.fromisoformat(data['ends_at']))}"
    return f"{servers}, {PAYS[Unused(data['unused'])]}"


KIND = Kind(
    name=FORCED_RELEASE,
    title="Forced release",
    staff_permission="reservations.decide_forced_release",
    execute=_execute,
    size=_size,
    wait=WAIT,
)
