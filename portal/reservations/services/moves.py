"""Giving unstarted reservations other servers of the same pool, where that helps: never another window or fabric."""

from portal.reservations.capacity import Demand


def make_room(demand: Demand) -> bool:
    """Move unstarted reservations so that a demand fits which does not fit as they lie. Returns whether it does now."""
    return False
