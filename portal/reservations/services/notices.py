"""Announcing the end of a reservation before it comes."""

from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction

from portal.audit.services import record
from portal.core import clock
from portal.core.actors import Actor
from portal.core.locks import lock_row
from portal.core.mail import mail_people
from portal.operations.services.events import tell
from portal.reservations.models import Reservation
from portal.reservations.states import ReservationState
from portal.tenancy.selectors import notification_addresses


def notice_time() -> timedelta:
    """Return how long before its end a reservation's end is announced."""
    return timedelta(minutes=settings.METALYARD_END_NOTICE_MINUTES)


@transaction.atomic
def announce_end(*, actor: Actor, reservation: Reservation) -> bool:
    """Tell the customer, once, that the end is near: as an event and by mail. Returns whether it was told now."""
    fresh = lock_row(Reservation, reservation.pk)
    due = fresh.span.end - notice_time() <= clock.now()
    if fresh.state != ReservationState.ACTIVE or fresh.end_announced_at or not due:
        return False
    ends_at = clock.as_rfc3339(fresh.span.end)
    Reservation.objects.filter(pk=fresh.pk).update(end_announced_at=clock.now())
    tell(actor=actor, subject=fresh.public_id, event_type="reservation.ending_soon", ends_at=ends_at)
    record(
        actor=actor,
        verb="reservation.end_announced",
        target=fresh.public_id,
        scope=fresh.organization.public_id,
        data={"ends_at": ends_at},
    )
    transaction.on_commit(partial(_mail, fresh, ends_at))
    return True


def _mail(reservation: Reservation, ends_at: str) -> None:
    mail_people(
        f"{reservation.name} ends at {ends_at}",
        f"Your reservation {reservation.name} ({reservation.public_id}) ends at {ends_at}.\n"
        "Its servers are switched off and their disks erased then. Save your data before.",
        notification_addresses(reservation.project),
        page=f"/reservations/{reservation.public_id}",
        otherwise=f"the end of {reservation.public_id}",
    )
