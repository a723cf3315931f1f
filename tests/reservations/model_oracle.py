"""An oracle of who has which server when that knows nothing but intervals, counted in minutes from a first instant."""

from collections import Counter
from dataclasses import dataclass, field, replace

FIRST_OFFER = 2
"""Minutes from now on at which what is not ready now may begin to be prepared at the earliest."""
STEP = 10
HOUR, DAY = 60, 24 * 60


@dataclass(frozen=True)
class Machine:
    """A server as it stands: what it is sold as, and whether it can be promised, or be prepared at once."""

    pk: int
    fabric: int
    is_spare: bool
    is_in_pool: bool
    is_ready: bool


@dataclass(frozen=True)
class Wish:
    """A count of servers for a time; ``fabric`` is None where any will do."""

    start: int
    length: int
    count: int
    same_fabric: bool
    fabric: int | None = None


@dataclass(frozen=True)
class Stay:
    """What a reservation counts for in its project: servers from when to when, whichever they are."""

    project: int
    start: int
    end: int
    count: int


@dataclass
class Books:
    """All servers, by allocation which is held from when to when, and by reservation who stays.

    ``limits`` are the servers that a project may have at once; one that is not in it may have any number.
    """

    lead: int
    cleanup: int
    now: int
    machines: dict[int, Machine]
    held: dict[int, tuple[int, int, int]]
    stays: dict[int, Stay] = field(default_factory=dict)
    limits: dict[int, int] = field(default_factory=dict)

    def occupied(self, start, length):
        """Return from when to when a server is kept for a stay."""
        return min(start, max(self.now, start - self.lead)), start + length + self.cleanup

    def is_free(self, server, first, last):
        """Tell whether nobody holds a server at any instant of a span."""
        return not any(pk == server and lo < last and first < hi for pk, lo, hi in self.held.values())

    def free(self, first, last, *, fabric=None, spares=False):
        """Return the servers that can be sold for a span."""
        return [
            machine
            for machine in self.machines.values()
            if machine.is_in_pool
            and machine.is_spare == spares
            and fabric in (None, machine.fabric)
            and (machine.is_ready or first > self.now)
            and self.is_free(machine.pk, first, last)
        ]

    def most(self, wish, span=None):
        """Return how many servers could be had, under the promise of one fabric or without it."""
        free = self.free(*(span or self.occupied(wish.start, wish.length)), fabric=wish.fabric)
        if wish.same_fabric:
            return max(Counter(machine.fabric for machine in free).values(), default=0)
        return len(free)

    def fits(self, wish):
        """Tell whether a wish can be met."""
        return self.most(wish) >= wish.count

    def fits_at(self, wish, begin):
        """Tell whether a wish can be met with a preparation that begins at an instant to come."""
        return self.most(wish, (begin, begin + self.lead + wish.length + self.cleanup)) >= wish.count

    def instants(self, soonest):
        """Return every instant at which something could begin to fit: what is free grows only there."""
        return sorted({soonest, *(hi for _, _, hi in self.held.values() if hi > soonest)})

    def begins(self, wish, soonest, until, most):
        """Return the first instants, a lead time before a full hour, at which a wish can begin to be prepared."""
        first = -(-(soonest + self.lead) // HOUR) * HOUR - self.lead
        return [begin for begin in range(first, until + 1, HOUR) if self.fits_at(wish, begin)][:most]

    def first_begin(self, wish, soonest, last):
        """Return the first instant at which a wish can begin to be prepared, alone in a list."""
        return [begin for begin in self.instants(soonest) if begin <= last and self.fits_at(wish, begin)][:1]

    def next_fit(self, wish, last):
        """Return the earliest start later than the wish's, and before ``last``, at which it can be met, or None."""
        after = wish.start - self.lead
        soonest = max(after, self.now + FIRST_OFFER)
        # At the wish's own start itself nothing is looked for: the next whole second is the first instant.
        first = soonest if soonest > after else soonest + 1 / 60
        for begin in self.instants(first):
            if begin + self.lead < last and self.fits_at(wish, begin):
                return begin + self.lead
        return None

    def first_fit(self, wish, latest):
        """Return the earliest start from the wish's to ``latest`` itself at which it can be met, or None."""
        return wish.start if self.fits(wish) else self.next_fit(wish, latest + 1 / 120)

    def may_move(self, begins, at, old, new):
        """Tell whether what begins to be prepared at an instant may at another one be given ``new`` for ``old``.

        It must not have begun, nor be so near its beginning that a worker may be looking at it; and the other server
        must be of the same fabric, sold as the same, and fit to be promised.
        """
        one, other = self.machines[old], self.machines[new]
        is_of_a_kind = (one.fabric, one.is_spare) == (other.fabric, other.is_spare)
        return begins > at + FIRST_OFFER and is_of_a_kind and other.is_in_pool

    def may_be_replaced(self, begins, at):
        """Tell whether a broken server may be replaced: well before the preparation begins, or when it does."""
        return begins > at + FIRST_OFFER or begins <= at

    def lowest(self, wish):
        """Return how many servers could be had if each fabric's were all free that are free at its worst instant."""
        first, last = self.occupied(wish.start, wish.length)
        instants = {first, *(lo for _, lo, _ in self.held.values() if first < lo < last)}
        fabrics = {machine.fabric for machine in self.machines.values() if wish.fabric in (None, machine.fabric)}
        levels = [min(len(self.free(at, at + 1 / 60, fabric=fabric)) for at in instants) for fabric in fabrics]
        return max(levels) if wish.same_fabric else sum(levels)

    def allows(self, stay, but=None):
        """Tell whether a project may have a stay beside its others, at every instant of it; ``but`` one of these."""
        others = [
            known
            for pk, known in self.stays.items()
            if pk != but and known.project == stay.project and known.start < stay.end and stay.start < known.end
        ]
        instants = {stay.start, *(known.start for known in others if known.start > stay.start)}
        most = max(sum(known.count for known in others if known.start <= at < known.end) for at in instants)
        return most + stay.count <= self.limits.get(stay.project, most + stay.count)

    def next_starts(self, wish, since, until, most):
        """Return the first full hours of a time at which a wish can be met."""
        soonest = max(since, self.now + FIRST_OFFER + self.lead)
        hours = range(-(-soonest // HOUR) * HOUR, until, HOUR)
        return [hour for hour in hours if self.fits_at(replace(wish, start=hour), hour - self.lead)][:most]

    def slot(self, fabric, first, last):
        """Return how many servers of a fabric that are sold are held for nobody in a slot, ready or not."""
        return sum(
            machine.is_in_pool
            and not machine.is_spare
            and machine.fabric == fabric
            and self.is_free(machine.pk, first, last)
            for machine in self.machines.values()
        )

    def overlaps(self):
        """Return the pairs of allocations that hold one server at one instant."""
        rows = sorted(self.held.items(), key=lambda item: item[1])
        return [
            (one, other)
            for place, (one, (server, _, hi)) in enumerate(rows)
            for other, (pk, lo, _) in rows[place + 1 :]
            if pk == server and lo < hi
        ]
