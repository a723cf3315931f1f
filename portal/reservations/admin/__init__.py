"""Staff's view of who has which server when."""

from portal.reservations.admin import (
    acts,
    allocations,
    changes,
    enquiries,
    held,
    panels,
    pools,
    quotes,
    reservations,
    waitlist,
)

__all__ = [
    "acts",
    "allocations",
    "changes",
    "enquiries",
    "held",
    "panels",
    "pools",
    "quotes",
    "reservations",
    "waitlist",
]
