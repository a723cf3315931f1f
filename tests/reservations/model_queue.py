"""An oracle of the waiting list: who waits in which order, and what becomes of whom an offer was made to."""

from dataclasses import dataclass, field, replace

from tests.reservations.model_oracle import Wish

MOST_MISSED = 2
"""Offers that somebody may let go by before leaving the queue."""
LIVE = ("waiting", "offered")


@dataclass(frozen=True)
class Entry:
    """A wish that is flexible in time: it begins from the wish's start to ``latest``.

    ``offer`` and ``until`` are the quote that was offered and when it ends. ``is_hindered``: not by want of servers.
    """

    project: int
    wish: Wish
    latest: int
    queued: int
    is_too_dear: bool
    state: str = "waiting"
    missed: int = 0
    is_hindered: bool = False
    offer: int | None = None
    until: int | None = None


@dataclass
class Queue:
    """All who ever waited, by key."""

    entries: dict[int, Entry] = field(default_factory=dict)

    def seen(self):
        """Return what is to be seen of everybody."""
        return {pk: (entry.state, entry.queued, entry.missed, entry.is_hindered) for pk, entry in self.entries.items()}

    def live(self, project=None):
        """Return the keys of those who wait or have an offer, in order of their coming."""
        return [
            pk for pk, entry in sorted(self.entries.items()) if entry.state in LIVE and project in (None, entry.project)
        ]

    def in_order(self, now):
        """Return the keys of those who may get an offer, first come first served."""
        rows = [
            (entry.queued, pk) for pk, entry in self.entries.items() if entry.state == "waiting" and entry.latest >= now
        ]
        return [pk for _, pk in sorted(rows)]

    def offered(self):
        """Return the entries by key that have an offer."""
        return {pk: entry for pk, entry in self.entries.items() if entry.state == "offered"}

    def change(self, pk, **fields):
        """Note what is different about an entry now."""
        self.entries[pk] = replace(self.entries[pk], **fields)

    def end_late(self, now):
        """End those who wait for what is past; return how many there were."""
        late = [pk for pk, entry in self.entries.items() if entry.state == "waiting" and entry.latest < now]
        for pk in late:
            self.change(pk, state="lapsed")
        return len(late)

    def let_by(self, pk, now):
        """Note that an offer was not taken: whoever may wait on goes to the end of the queue."""
        entry = self.entries[pk]
        self.change(pk, missed=entry.missed + 1)
        if entry.missed + 1 >= MOST_MISSED or entry.latest < now:
            self.change(pk, state="lapsed")
        else:
            self.change(pk, state="waiting", queued=now)


def first_wish(entry, now, notice):
    """Return what an entry asks for at its first start that is more than ``notice`` away, as far as that can be."""
    start = min(max(entry.wish.start, now + notice + 1), max(entry.latest, now))
    return replace(entry.wish, start=start)
