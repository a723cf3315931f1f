"""What makes the random life move what has not begun: wishes that fit only so, breakages, ends that are late."""

import random
from dataclasses import replace
from math import inf

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from portal.core.actors import SYSTEM
from portal.fleet import services as fleet
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.reservations.models import Placement, Reservation
from portal.reservations.services.lifecycle import call_off
from portal.reservations.services.moves import make_room
from provisioning import reconcile
from tests import hands
from tests.reservations.model_booking import Booking, counts, lengths, picks, placements, starts
from tests.reservations.model_oracle import FIRST_OFFER, STEP, Wish
from tests.reservations.model_yard import CHANGING, CLEANUP, LEAD, MOVABLE, A, moment

seeds = st.integers(0, 2**16)
tight = st.one_of(st.none(), seeds)
"""Whether a wish is to be one that fits only after moves, if there is such a one."""
ways = st.sampled_from(["reserve", "keep", "make room"])
eves = st.sampled_from([-1, 0, 1, *range(1, FIRST_OFFER + 2)])
"""The minutes left to the beginning of what is in the way, on both sides of where it may move no more."""
lefts = st.one_of(st.none(), eves)
"""The like, or None: however many they are."""
TRIES, FAR = 12, 150 * STEP


class Moving(Booking):
    """What needs others to move, in a calendar that is full of holes."""

    @initialize(seed=seeds, used=st.integers(0, 2), is_held=st.booleans(), how=ways, left=eves)
    def furnish(self, seed, used, is_held, how, left):
        """Begin with what is scattered, perhaps with servers that a tenant has or holds already, and ask for more."""
        self.scatter(seed)
        if used and is_held:
            self.keep(self.wish(0, 6 + seed % 20, used, Placement.ANY), self.yard.scope)
        elif used:
            self.move_in(6 + seed % 20, used)
        self.squeeze(seed, how, left)

    def move_in(self, length, count):
        """Return a reservation whose servers the tenant has at once, or None for want of servers."""
        made = self.reserve(self.wish(0, length, count, Placement.ANY), self.yard.scope)
        if made:
            hands.work(made)
            self.went(made)
        return made

    def scatter(self, seed):
        """Book servers of a fabric, and book them again for later; then one keeps what is late, the others the rest."""
        dice = random.Random(seed)  # noqa: S311 - not for secrets
        fabric, soon = dice.choice(sorted(self.yard.fabrics)), self.books.now + 5 * STEP
        last = max(
            (hi for pk, _, hi in self.books.held.values() if self.books.machines[pk].fabric == fabric), default=0
        )
        start = max(soon, last + LEAD) if last < soon + FAR and dice.random() < 0.8 else soon
        waves = []
        for _ in range(2):
            wish = Wish(start, dice.randrange(6, 14) * STEP, 1, dice.random() < 0.5, fabric)
            waves.append([self.reserve(wish, self.yard.scope) for _ in range(2 + (dice.random() < 0.3))])
            start += wish.length + LEAD + CLEANUP + dice.randrange(3) * STEP
        early, late = (list(filter(None, wave)) for wave in waves)
        kept = {reservation.allocations.get().server_id for reservation in early[1:]}
        for reservation in early[:1] + [item for item in late if item.allocations.get().server_id in kept]:
            self.call_off(reservation)

    def call_off(self, reservation):
        call_off(actor=SYSTEM, reservation=reservation, reason="test")
        self.done["cancel"] += 1
        self.went(reservation)

    def pairs(self, first, last=inf):
        """Return what is held at first, beginning from ``first`` to ``last``, and then on another server of its fabric:
        when it begins, when the other ends, and the fabric.
        """
        spans, machines = sorted(self.books.held.values()), self.books.machines
        return [
            (lo, hi, machines[one].fabric)
            for one, lo, end in spans
            for two, start, hi in spans
            if first <= lo <= last and one != two and machines[one].fabric == machines[two].fabric and end <= start
        ]

    def cramped(self, seed, *, scatters=True):
        """Return a wish that fits nowhere although enough is free at every instant; None where none comes to mind."""
        # What has begun must not move: sometimes it is what is in the way.
        first = self.books.now + FIRST_OFFER + 1 if seed % 5 < 3 else -inf
        wish = self.cramped_over(seed, self.pairs(first))
        if wish is None and scatters:
            self.scatter(seed)
            wish = self.cramped_over(seed, self.pairs(first))
        return wish

    def cramped_over(self, seed, pairs):
        """Return such a wish that is over both of one of the pairs."""
        dice, now = random.Random(seed), self.books.now  # noqa: S311 - not for secrets
        for lo, hi, fabric in dice.sample(pairs, min(len(pairs), TRIES)):
            # Its preparation begins, and its erasure ends, while they are held; what is in use is no server for a
            # preparation at once, so that a later one asks more of those who move.
            start, in_one = max(now + dice.choice((0, LEAD + STEP)), lo + LEAD), dice.random() < 0.6
            length = max(6 * STEP, hi - CLEANUP - start)
            wish = Wish(start, length, 1, in_one, fabric if dice.random() < 0.5 else None)
            most, lowest = self.books.most(wish), self.books.lowest(wish)
            if most < lowest:
                return replace(wish, count=dice.randint(most + 1, lowest))
        return None

    def cramped_if(self, seed):
        """Return a cramped wish where one is asked for by a seed, and there is one."""
        return None if seed is None else self.cramped(seed, scatters=seed % 3 == 0)

    @rule(seed=seeds, how=ways, left=lefts)
    def squeeze(self, seed, how, left):
        """Ask for what fits only after moves; where there is no such thing, see to it that there is.

        It is perhaps asked for when something that is in its way is about to begin, or has begun this minute.
        """
        wish = self.cramped(seed) if left is None else self.cramped_on_the_eve(seed, left)
        if wish is None:
            return
        self.done["squeeze" if left is None else "squeeze on the eve"] += 1
        if how == "make room":
            self.room_for(wish)
        else:
            (self.reserve if how == "reserve" else self.keep)(wish, self.yard.scope)

    def cramped_on_the_eve(self, seed, left):
        """Let time pass until so many minutes are left to the beginning of one of a pair; return a wish over both."""
        later = self.books.now + FIRST_OFFER + 2
        if not self.pairs(later):
            self.scatter(seed)
        begins = sorted({lo for lo, *_ in self.pairs(later)})[:2]
        if not begins:
            return None
        self.pass_time(begins[seed % len(begins)] - left - self.books.now)
        return self.cramped_over(seed, self.pairs(self.books.now - 1, self.books.now + FIRST_OFFER + 1))

    @rule(start=starts, length=lengths, count=counts, placement=placements, tight=tight)
    def make_room(self, start, length, count, placement, tight):
        self.room_for(self.cramped_if(tight) or self.wish(start, length, count, placement))

    def room_for(self, wish):
        before = self.books.fits(wish)
        found = make_room(self.demand(wish))
        assert (self.follow() > 0) == found
        assert self.books.fits(wish) == (found or before)

    @rule(pick=picks)
    def extend_into_the_next(self, pick):
        """Let a reservation end so late that what follows on one of its servers is in the way."""
        held = self.look().held
        pairs = [
            (row.reservation, other.span[1])
            for _, row in sorted(held.items())
            for _, other in sorted(held.items())
            if row.span[0] == other.span[0]
            and row.span[2] <= other.span[1]
            and row.state in (A.BOOKED, A.SERVING)
            and row.reservation_state in CHANGING
            and other.reservation_state in MOVABLE
        ]
        if not pairs:
            return
        pk, follows = pairs[pick % len(pairs)]
        reservation = Reservation.objects.get(pk=pk)
        if moment(self.books.now) < reservation.span.end < moment(follows - CLEANUP + STEP):
            self.lengthen(reservation, moment(follows - CLEANUP + STEP))

    @rule(pick=picks)
    def break_down(self, pick):
        servers = list(Server.objects.filter(state=ServerState.AVAILABLE).order_by("pk"))
        if servers:
            fleet.quarantine(actor=SYSTEM, server=servers[pick % len(servers)], reason="test")

    @rule(pick=picks, at_once=st.booleans(), left=lefts)
    def break_what_is_booked(self, pick, at_once, left):
        """Break a free server that somebody will need, some perhaps at once; others are looked for then, or later."""
        to_come = sorted((lo, server) for server, lo, _ in self.books.held.values() if lo > self.books.now)
        if left is not None and to_come:
            self.pass_time(max(0, to_come[0][0] - left - self.books.now))
            to_come = to_come[:1]
        servers = Server.objects.filter(pk__in=[pk for _, pk in to_come], state=ServerState.AVAILABLE).order_by("pk")
        if servers:
            fleet.quarantine(actor=SYSTEM, server=servers[pick % len(servers)], reason="test")
            if at_once:
                self.rebind()

    @rule()
    def rebind(self):
        """Look for other servers for what is to come on broken ones: who had one had to get it, for the same time."""
        before, books = self.look(), self.books
        broken = sorted(
            (row.span[1], pk)
            for pk, row in before.held.items()
            if row.state == A.BOOKED
            and row.reservation_state in MOVABLE
            and row.span[1] > books.now + FIRST_OFFER
            and not books.machines[row.span[0]].is_in_pool
        )
        count = reconcile.rebind_broken()
        after = self.look()
        books.machines = dict(before.machines)
        for lo, pk in broken:
            server, _, hi = books.held[pk]
            fabric = books.machines[server].fabric if before.held[pk].same_fabric else None
            others = books.free(lo, hi, fabric=fabric) or books.free(lo, hi, fabric=fabric, spares=True)
            new = after.held[pk].span[0]
            assert new in ({machine.pk for machine in others} or {server})
            if others:
                books.held[pk] = (new, lo, hi)
                books.machines[new] = replace(books.machines[new], is_spare=False)
                count -= 1
                self.done["rebind"] += 1
        assert count == 0
        assert books.machines == after.machines
