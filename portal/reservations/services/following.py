"""What follows on the servers of a reservation: how far it can be extended, and who is in the way."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import OuterRef, Subquery

from portal.core import clock
from portal.core.errors import ExtensionBlocked
from portal.core.locks import lock_rows
from portal.fleet.models import Server
from portal.reservations.models import Allocation, FreeSpan, Reservation
from portal.reservations.services.alter import USED, used_servers
from portal.reservations.states import HOLDING


def kept_until(reservation: Reservation, ends_at: datetime) -> datetime:
    """Return until when a server is kept for an end: with the time to erase and check it."""
    return ends_at + reservation.server_type.cleanup_time


def following(reservation: Reservation) -> list[datetime]:
    """Return from when on each of the servers is somebody else's; those that never are are left out."""
    others = (
        Allocation.objects.filter(
            server=OuterRef("server"), state__in=HOLDING, occupied__startswith__gte=OuterRef("occupied__endswith")
        )
        .order_by("occupied__startswith")
        .values("occupied__startswith")[:1]
    )
    rows = Allocation.objects.filter(reservation=reservation, state__in=USED).annotate(next=Subquery(others))
    return list(rows.filter(next__isnull=False).order_by("next").values_list("next", flat=True))


def too_early(reservation: Reservation, next_from: Sequence[datetime], ends_at: datetime) -> list[datetime]:
    """Return those instants that are too early for an end."""
    return [moment for moment in next_from if moment < kept_until(reservation, ends_at)]


def latest_end(reservation: Reservation, next_from: Sequence[datetime]) -> datetime | None:
    """Return the latest end that leaves time to erase and check the servers; None without a limit, or a later end."""
    if not next_from:
        return None
    latest = min(next_from) - reservation.server_type.cleanup_time
    return latest if latest > reservation.span.end else None


def blocked(reservation: Reservation, taken: Sequence[datetime]) -> ExtensionBlocked:
    """Return the refusal for servers that are ``taken`` from these instants on."""
    latest, first = latest_end(reservation, taken), clock.as_rfc3339(min(taken))
    way_out = f"It can end at {clock.as_rfc3339(latest)} at the latest." if latest else "It cannot end later."
    servers = "1 of its servers is" if len(taken) == 1 else f"{len(taken)} of its servers are"
    return ExtensionBlocked(
        f"{servers} promised to others from {first}. {way_out}",
        extra={
            "latest_end": clock.as_rfc3339(latest) if latest else None,
            "blocked_servers": len(taken),
            "blocked_from": first,
        },
    )


def lock_following(reservation: Reservation) -> None:
    """Lock the servers, and the free time after the present end: what is taken from it is seen after that.

    Servers before free time is the order of everybody who holds both.
    """
    servers = used_servers(reservation)
    lock_rows(Server.objects.filter(pk__in=servers))
    held = Allocation.objects.filter(reservation=reservation, state__in=USED)
    ends = set(held.values_list("occupied__endswith", flat=True))
    free_after = FreeSpan.objects.filter(server_id__in=servers, lo__in=ends)
    # What somebody took from while it was waited for is another row now.
    while len(lock_rows(free_after)) != free_after.count():
        pass
