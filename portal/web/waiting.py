"""What the page of the waiting list shows of each entry."""

from dataclasses import dataclass

from portal.core import clock
from portal.core.money import Money
from portal.reservations.models import Quote, WaitlistEntry
from portal.reservations.selectors import places_in_queue, quotes_of, waitlist_of
from portal.reservations.states import QuoteState, WaitlistState
from portal.tenancy.scope import Scope

SHOWN = 100


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
        return self.it.state in (WaitlistState.WAITING, WaitlistState.OFFERED)


def waiting_rows(scope: Scope) -> list[Row]:
    """Return the project's latest entries: those with an offer first, then those that wait, then the others."""
    entries = list(waitlist_of(scope)[:SHOWN])
    places = places_in_queue(entries)
    open_offers = quotes_of(scope).filter(waitlist_entry__in=entries, state=QuoteState.OPEN, expires_at__gt=clock.now())
    offers = {quote.waitlist_entry_id: quote for quote in open_offers}
    rows = [Row(entry, places.get(entry.pk, 0), offers.get(entry.pk)) for entry in entries]
    return sorted(rows, key=lambda row: (row.offer is None, not row.can_leave))
