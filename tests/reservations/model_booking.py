"""What all that books in the random life shares: all of a wish or a refusal, which is never wrong."""

from math import ceil

from hypothesis import strategies as st

from portal.core.actors import SYSTEM
from portal.core.errors import ExtensionBlocked, HoldLimitReached, InsufficientCapacity, QuotaExceeded, QuoteExpired
from portal.reservations.models import Allocation, Placement, Quote, Reservation
from portal.reservations.services.extend import extend, look_at_extension
from portal.reservations.services.quotes import accept, make_quote
from portal.reservations.services.reserve import reserve
from provisioning import reconcile
from tests import factories
from tests.reservations.model_oracle import STEP, Books, Stay, Wish
from tests.reservations.model_yard import CLEANUP, LEAD, MINUTE, A, R, Watched, minutes, moment

starts = st.one_of(st.integers(0, 4), st.integers(0, 40))
lengths, counts = st.integers(6, 30), st.integers(1, 4)
placements = st.sampled_from(Placement.values)
picks = st.integers(0, 9)
elsewhere = st.sampled_from([False, False, False, True])
"""Whether the tenant acts for the project with the small limit."""


class Booking(Watched):
    """Wishes and what comes of them."""

    def wish(self, start, length, count, placement):
        return Wish(self.books.now + start * STEP, length * STEP, count, placement == Placement.SAME_FABRIC)

    def asked(self, wish):
        return {
            "starts_at": moment(wish.start),
            "ends_at": moment(wish.start + wish.length),
            "count": wish.count,
            "placement": Placement.SAME_FABRIC if wish.same_fabric else Placement.ANY,
            "fabric": self.yard.fabrics.get(wish.fabric),
        }

    def scope(self, is_elsewhere):
        return self.yard.other if is_elsewhere else self.yard.scope

    def scope_of(self, row):
        """Return who may change a reservation, a quote or an entry: its project as the oracle knows it."""
        stay = self.books.stays.get(row.pk) if isinstance(row, Reservation) else None
        return self.yard.scopes[stay.project if stay else row.project_id]

    def some(self, pick, *states):
        rows = list(Reservation.objects.filter(state__in=states).order_by("pk"))
        return rows[pick % len(rows)] if rows else None

    def settle(self, wish, scope, act):
        """Do what books for a wish: all of it, or a refusal, which is never wrong."""
        project = scope.project.pk
        allowed = self.books.allows(Stay(project, wish.start, wish.start + wish.length, wish.count))
        try:
            made = act()
        except InsufficientCapacity as refusal:
            self.expire()
            assert self.follow() == 0
            self.refused(wish, refusal)
            assert allowed
            return None
        except QuotaExceeded:
            self.done["refuse by quota"] += 1
            assert not allowed
            return None
        except (HoldLimitReached, QuoteExpired):
            self.expire()
            self.follow()
            return None
        assert allowed
        self.expire()
        self.done["hold" if isinstance(made, Quote) else "order"] += 1
        self.booked(wish, made.reservation if isinstance(made, Quote) else made, project)
        return made

    def refused(self, wish, refusal):
        self.done["refuse"] += 1
        assert not self.books.fits(wish)
        assert refusal.extra["available"] == self.books.most(wish)

    def reserve(self, wish, scope):
        request = factories.request(scope, image=self.yard.image, **self.asked(wish))
        made = self.settle(wish, scope, lambda: reserve(scope=scope, actor=SYSTEM, request=request))
        if made:
            due = wish.start - LEAD <= self.books.now
            assert made.state == (R.PROVISIONING if due else R.SCHEDULED)
        return made

    def keep(self, wish, scope):
        request = factories.quote_request(**self.asked(wish))
        return self.settle(wish, scope, lambda: make_quote(scope=scope, actor=SYSTEM, request=request, hold=True))

    def lengthen(self, reservation, ends_at):
        """Let a reservation end later, where nothing that cannot move is in its way."""
        scope, stay = self.scope_of(reservation), self.books.stays[reservation.pk]
        look = look_at_extension(scope, reservation, ends_at)
        used = set(reservation.allocations.filter(state__in=(A.BOOKED, A.SERVING)).values_list("pk", flat=True))
        until = minutes(ends_at) + CLEANUP
        blocked = {pk for pk in used if not self.is_free_after(pk, until)}
        assert (look.fits, look.blocked) == (not blocked, len(blocked))
        longer = Stay(stay.project, stay.start, minutes(ends_at), stay.count)
        allowed = self.books.allows(longer, but=reservation.pk)
        try:
            extend(scope=scope, actor=SYSTEM, reservation=reservation, ends_at=ends_at)
        except ExtensionBlocked:
            assert blocked
            assert allowed
            self.done["refuse to extend"] += 1
            self.expire()
            assert self.follow() == 0
            return
        except QuotaExceeded:
            assert not allowed
            self.done["refuse by quota"] += 1
            return
        assert allowed
        self.done["extend"] += 1
        self.done["extend after a move"] += bool(blocked)
        self.expire()
        self.follow()
        self.books.stays[reservation.pk] = longer
        for pk in used:
            server, lo, hi = self.books.held[pk]
            self.books.held[pk] = (server, lo, max(hi, until))

    def is_free_after(self, pk, until):
        server, _, hi = self.books.held[pk]
        return self.books.is_free(server, hi, until)

    def pass_time(self, number):
        """Let a number of minutes pass, and the sweeps see it."""
        # What is offered to who waits can begin within a minute.
        self.clock.shift(ceil(number) * MINUTE)
        self.books.now += ceil(number)
        for sweep in (
            reconcile.expire_quotes,
            reconcile.end_due,
            reconcile.time_out_operations,
            reconcile.overrun_servers,
            reconcile.start_due,
        ):
            sweep()
        self.replaced()

    def replaced(self):
        """Note what ended by itself, and which servers were replaced by others at a start."""
        seen = self.look()
        for pk, state in list(Allocation.objects.filter(pk__in=self.books.held).values_list("pk", "state")):
            self.gone(pk, state)
        for pk in self.books.held:
            (server, lo, hi), _, reservation_state, *_ = seen.held[pk]
            if server != self.books.held[pk][0]:
                assert reservation_state in (R.SCHEDULED, R.PROVISIONING)
                others = Books(LEAD, CLEANUP, 0, {}, {k: v for k, v in self.books.held.items() if k != pk})
                assert others.is_free(server, lo, hi)
                assert (lo, hi) == (self.books.now, self.books.held[pk][2])
                self.books.held[pk] = (server, lo, hi)
                self.done["replace"] += 1
        self.closed(*self.books.stays)
        self.decided()

    def take(self, quote):
        """Accept a quote, on which the oracle and the clock decide."""
        scope = self.scope_of(quote)
        particulars = factories.particulars(scope, image=self.yard.image)
        start, end = minutes(quote.span.start), minutes(quote.span.end)
        start = max(start, self.books.now)
        wish = Wish(start, end - start, quote.count, quote.placement == Placement.SAME_FABRIC)

        def act():
            return accept(scope=scope, actor=SYSTEM, quote=quote, particulars=particulars)

        if not quote.is_hold:
            self.settle(wish, scope, act)
            return
        try:
            act()
            self.done["accept"] += 1
        except QuoteExpired:
            assert minutes(quote.expires_at) <= self.books.now or end <= self.books.now
        self.replaced()
