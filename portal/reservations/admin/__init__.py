"""Staff's view of who has which server when."""

from portal.reservations.admin import (
    acts,
    allocations,
    changes,
    console,
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
    "console",
    "enquiries",
    "held",
    "panels",
    "pools",
    "quotes",
    "reservations",
    "waitlist",
]
