"""When a reservation ends or ended, for lists and for its page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.core import clock
from portal.reservations.models import Reservation
from portal.reservations.selectors import over_since
from portal.reservations.states import ReservationState
from portal.web.templatetags.web import lasting, when

NEVER_BEGAN = (ReservationState.CANCELLED, ReservationState.EXPIRED, ReservationState.FAILED)
OVER = (ReservationState.ENDING, ReservationState.ENDED)


@dataclass(frozen=True)
class End:
    """An end: what to call it, when, and what else there is to say."""

    label: str
    at: datetime
    note: str
    is_early: bool = False


def end_of(reservation: Reservation, over_at: datetime | None) -> End:
    """Return the end of a reservation that was over for its tenant at ``over_at``, or is not yet (None)."""
    state, planned = ReservationState(reservation.state), reservation.span.end
    if state in OVER and over_at is not None:
        if over_at < planned:
            return End("Ended early", over_at, f"planned: {when(planned)}", is_early=True)
        return End("Ended at", planned, "")
    if state == ReservationState.ACTIVE:
        return End("Ends", planned, f"{lasting(time_left(planned))} left")
    if state in NEVER_BEGAN or state in OVER:
        return End("Ends", planned, "")
    return End("Ends", planned, f"after {lasting(reservation.span.duration)}")


def time_left(moment: datetime) -> timedelta:
    """Return how long it is to ``moment``, at least nothing."""
    return max(moment - clock.now(), timedelta(0))


@dataclass(frozen=True)
class Row:
    """A reservation in a list, with its end."""

    it: Reservation
    end: End


def rows_of(reservations: Iterable[Reservation]) -> list[Row]:
    """Return rows for a list, with one query for all of them."""
    known = list(reservations)
    over = over_since(it.public_id for it in known)
    return [Row(it, end_of(it, over.get(it.public_id))) for it in known]
