"""What staff does for a customer, as its owner could: the same services, and in the record also why."""

from datetime import datetime

from django.db import transaction

from portal.audit.services import record
from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.locks import lock_row
from portal.core.money import Money
from portal.core.repeating import repeatable
from portal.reservations.models import Reservation, WaitlistEntry
from portal.reservations.services.extend import extend
from portal.reservations.services.shorten import shorten
from portal.reservations.services.waitlist import leave
from portal.reservations.states import ReservationState
from portal.tenancy.models import Project
from portal.tenancy.roles import Role
from portal.tenancy.scope import Scope


def scope_for(actor: Actor, project: Project) -> Scope:
    """Return the scope of somebody of the staff, whom the caller has let act, in a customer's project."""
    return Scope(actor, project, Role.OWNER)


@repeatable
@transaction.atomic
def leave_queue(*, actor: Actor, entry: WaitlistEntry, reason: str) -> WaitlistEntry:
    """Take an entry out of the waiting list. Raises StateConflict for one that is over."""
    left = leave(scope=scope_for(actor, entry.project), actor=actor, entry=entry)
    _say_why(actor, "waitlist_entry.left_for_customer", left.public_id, left.organization.public_id, reason)
    return left


@repeatable
@transaction.atomic
def extend_for(
    *, actor: Actor, reservation: Reservation, ends_at: datetime, reason: str, agreed: Money | None = None
) -> Reservation:
    """Let a reservation end later. Raises what ``extend`` raises; then nothing has changed."""
    scope = scope_for(actor, reservation.project)
    changed = extend(scope=scope, actor=actor, reservation=reservation, ends_at=ends_at, agreed=agreed)
    _say_why(actor, "reservation.extended_for_customer", changed.public_id, scope.organization.public_id, reason)
    return changed


@repeatable
@transaction.atomic
def shorten_for(
    *, actor: Actor, reservation: Reservation, ends_at: datetime, reason: str, agreed: Money | None = None
) -> Reservation:
    """Let a reservation end earlier that is not in use yet; what is takes a second person (``forced``).

    Raises StateConflict, and what ``shorten`` raises; then nothing has changed.
    """
    scope = scope_for(actor, reservation.project)
    if lock_row(Reservation, reservation.pk).state == ReservationState.ACTIVE:
        raise StateConflict("The reservation is active: somebody else has to agree to an earlier end. Ask for it.")
    changed = shorten(scope=scope, actor=actor, reservation=reservation, ends_at=ends_at, agreed=agreed)
    _say_why(actor, "reservation.shortened_for_customer", changed.public_id, scope.organization.public_id, reason)
    return changed


def _say_why(actor: Actor, verb: str, target: str, organization: str, reason: str) -> None:
    record(actor=actor, verb=verb, target=target, scope=organization, data={"reason": reason})
