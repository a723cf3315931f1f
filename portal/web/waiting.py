"""What the page of the waiting list shows of each entry."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.core.money import Money
from portal.reservations.models import Quote, WaitlistEntry
from portal.reservations.selectors import open_offers_of, places_in_queue
from portal.reservations.states import OPEN_WISH


@dataclass(frozen=True)
class Row:
    """An entry with its place in the queue (0 where it has none) and its offer, where it has an open one."""

    it: WaitlistEntry
    place: int
    offer: Quote | None

    @property
    def ceiling(self) -> Money | None:
        """The most that it may cost; None for any list price."""
        return None if self.it.ceiling is None else Money(self.it.ceiling, self.it.currency)

    @property
    def can_leave(self) -> bool:
        """Whether it is still waiting or offered something."""
        return self.it.state in OPEN_WISH


def waiting_rows(entries: Sequence[WaitlistEntry]) -> list[Row]:
    """Return entries with what the page shows beside them, in their order."""
    places, offers = places_in_queue(entries), open_offers_of(entries)
    return [Row(entry, places.get(entry.pk, 0), offers.get(entry.pk)) for entry in entries]
