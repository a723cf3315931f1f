"""Changes to reservations that are made: their end, their size, their project."""

from portal.reservations.services.enlarge import Adding, add_servers, look_at_adding
from portal.reservations.services.extend import Extension, extend, look_at_extension
from portal.reservations.services.shorten import Shortening, look_at_shortening, shorten
from portal.reservations.services.transfer import transfer

__all__ = [
    "Adding",
    "Extension",
    "Shortening",
    "add_servers",
    "extend",
    "look_at_adding",
    "look_at_extension",
    "look_at_shortening",
    "shorten",
    "transfer",
]
