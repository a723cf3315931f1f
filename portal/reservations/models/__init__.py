"""Who has which server when."""

from portal.reservations.models.allocation import Allocation
from portal.reservations.models.calendar import FreeSpan, Grain, Pool, TimelineStep
from portal.reservations.models.console import ConsoleChunk, ConsoleCursor
from portal.reservations.models.enquiry import Enquiry
from portal.reservations.models.news import News
from portal.reservations.models.quote import Quote
from portal.reservations.models.reservation import COUNTED, NAME_PATTERN, Placement, Reservation
from portal.reservations.models.waitlist import WaitlistEntry

__all__ = [
    "COUNTED",
    "NAME_PATTERN",
    "Allocation",
    "ConsoleChunk",
    "ConsoleCursor",
    "Enquiry",
    "FreeSpan",
    "Grain",
    "News",
    "Placement",
    "Pool",
    "Quote",
    "Reservation",
    "TimelineStep",
    "WaitlistEntry",
]
