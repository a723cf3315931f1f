"""Giving unstarted reservations other servers of the same pool, where that helps: never another window or fabric."""

from datetime import datetime

from portal.reservations.capacity import Demand
from portal.reservations.models import Reservation


def make_room(demand: Demand) -> bool:
    """Move unstarted reservations so that a demand fits which does not fit as they lie. Returns whether it does now."""
    return False


def clear_way(reservation: Reservation, until: datetime) -> bool:
    """Move unstarted reservations away from the servers of a reservation up to ``until``. Returns whether any moved."""
    return False
