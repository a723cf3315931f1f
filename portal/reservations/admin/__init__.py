"""Staff's view of who has which server when."""

from portal.reservations.admin import acts, panels, reservations

__all__ = ["acts", "panels", "reservations"]
