"""Random lives of a reservation, told twice: to what bills them, and to an oracle that counts each cell of a grid.

Time goes by ticks of an odd length, so that nothing falls on the boundaries of hours, days or months by itself.
"""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from portal.billing.histories import history_of
from portal.billing.rating import Used
from portal.catalog.selectors import QuoteLine
from portal.core.money import Money
from portal.core.periods import Period
from portal.fleet.models import Region, ServerType
from portal.reservations.charges import Charge, Unused, charges_of, cut, sum_of
from portal.reservations.models import Reservation
from portal.reservations.states import ReservationState

TICK = timedelta(days=1, hours=5, minutes=13, seconds=11)
BEGIN = datetime(2027, 12, 20, 7, 41, 3, tzinfo=UTC)
"""So that most lives go on into a leap February."""
TERMS = ([], [{"notice_hours": 0, "percent": "50"}], [{"notice_hours": 240, "percent": "12.5"}])
PERCENT = {0: lambda notice: 0, 1: lambda notice: 50, 2: lambda notice: Fraction(25, 2) if notice >= 240 else 100}
"""The same terms, as the oracle knows them: what is owed by hours of notice."""


def at(tick):
    return BEGIN + tick * TICK


def cents(exact):
    """Round a fraction to cents, half up: not by the code that is tested."""
    return Decimal(int(exact * 100 + Fraction(1, 2))) / 100


class Oracle:
    """Counts cells: a place and a tick. Prices are told apart by when they were agreed."""

    def __init__(self, gpus):
        self.gpus = gpus
        self.prices = []
        self.fees = []
        self.served = set()
        self.paid = {}

    def agree(self, rate, places, first, last):
        cells = {(place, tick) for place in places for tick in range(first, last)}
        self.prices.append([Fraction(rate) * self.gpus, cells])

    def worth(self, price):
        return cents(price[0] * len(price[1]) * Fraction(int(TICK.total_seconds()), 3600))

    def cut(self, tick, now, percent):
        before = sum(map(self.worth, self.prices))
        for price in self.prices:
            price[1] = {cell for cell in price[1] if cell[1] < tick}
        self.prices = [price for price in self.prices if price[1]]
        fee = cents(Fraction(before - sum(map(self.worth, self.prices))) * Fraction(percent) / 100)
        if fee:
            self.fees.append((at(now), fee))

    def pay_to_the_end(self, tick, places):
        """What is given back and paid all the same is due when it is given back."""
        for _, cells in self.prices:
            for cell in cells:
                if cell[1] >= tick and cell[0] in places:
                    self.paid[cell] = at(tick)

    def due(self, until):
        total = sum((fee for when, fee in self.fees if when < until), Decimal(0))
        for rate, cells in self.prices:
            seconds = Fraction(0)
            for cell in cells:
                if cell in self.paid:
                    seconds += int(TICK.total_seconds()) if self.paid[cell] < until else 0
                elif cell in self.served:
                    start = at(cell[1])
                    seconds += max(0, int((min(start + TICK, until) - start).total_seconds()))
            total += cents(rate * seconds / 3600)
        return total


class Story:
    """A reservation and its oracle, changed together at random."""

    def __init__(self, seed):
        self.dice = dice = random.Random(seed)  # noqa: S311 - a story, not a secret
        self.kind = ServerType(slug="x", name="8 x H100", gpu_count=dice.choice([1, 2, 4, 8]))
        self.oracle = Oracle(self.kind.gpu_count)
        self.terms = dice.randrange(len(TERMS))
        self.count, self.start, self.end = dice.randint(1, 5), 0, dice.randint(2, 40)
        rate = self._rate()
        self.reservation = Reservation(
            name="run",
            server_type=self.kind,
            region=Region(code="eu"),
            count=self.count,
            period=Period(at(0), at(self.end)).as_range(),
            rate_per_gpu_hour=rate,
            currency="USD",
            cancellation_terms=TERMS[self.terms],
            state="active",
            is_committed=dice.random() < 0.3,
            cancellation_fee=Decimal(0),
        )
        self.reservation.price = Decimal(0)
        first = self._charge(self.count, rate, 0, self.end)
        self._write([first])
        self.oracle.agree(rate, range(self.count), 0, self.end)
        self.places = {}
        for place in range(self.count):
            self._hand_over(place, 0)
        self.reservation.handed_over_at = at(0)
        self.used, self.ends, self.now = [], {}, 0

    def _rate(self):
        return Decimal(self.dice.randint(1, 9_999_999)).scaleb(-6)

    def _hand_over(self, place, tick):
        """Mostly in time, sometimes late, sometimes not at all."""
        late = self.dice.choice([0, 0, 0, 0, 1, 2, None])
        self.places[place] = None if late is None else tick + late

    def _charge(self, count, rate, first, last):
        period = Period(at(first), at(last))
        amount = Money(period.at_rate(rate * count * self.kind.gpu_count), "USD")
        return Charge(QuoteLine("8 x H100 in eu", "", amount), count, rate, period)

    def _write(self, charges):
        self.reservation.price_lines = [charge.as_json() for charge in charges]
        self.reservation.price = sum_of(charges, "USD").amount

    def live(self):
        return [place for place, since in self.places.items() if since is not None]

    def extend(self):
        more, rate, count = self.dice.randint(1, 20), self._rate(), len(self.live())
        if not count:
            return
        self._write([*charges_of(self.reservation), self._charge(count, rate, self.end, self.end + more)])
        self.oracle.agree(rate, self.live(), self.end, self.end + more)
        self.end += more
        self._period()

    def add(self):
        if self.now >= self.end - 1:
            return
        more, rate, first = self.dice.randint(1, 3), self._rate(), len(self.places)
        self._write([*charges_of(self.reservation), self._charge(more, rate, self.now, self.end)])
        self.oracle.agree(rate, range(first, first + more), self.now, self.end)
        for place in range(first, first + more):
            self._hand_over(place, self.now)

    def shorten(self):
        if self.now + 2 >= self.end:
            return
        until = self.dice.randint(self.now + 1, self.end - 1)
        left = cut(self.reservation, at(until), at(self.now))
        self.oracle.cut(until, self.now, self._percent(until))
        self._write(left.charges)
        self.end = until
        self._period()

    def _percent(self, until):
        hours = Fraction(int((at(until) - at(self.now)).total_seconds()), 3600)
        return PERCENT[self.terms](hours)

    def swap(self):
        """A server is replaced by another in its place: what both have is counted once."""
        live = [place for place in self.live() if self.places[place] <= self.now]
        if not live or self.now == 0:
            return
        place = self.dice.choice(live)
        gap = self.dice.choice([0, 0, 1])
        overlap = self.dice.choice([0, 0, 1]) if not gap else 0
        self._serve(place, self.places[place], self.now)
        self.places[place] = max(self.now + gap - overlap, self.places[place])

    def _period(self):
        self.reservation.period = Period(at(0), at(self.end)).as_range()

    def _serve(self, place, first, last):
        if first < last:
            self.used.append(Used(place, Period(at(first), at(last))))
            self.oracle.served |= {(place, tick) for tick in range(first, last)}

    def over(self):
        """End it: when its time is over, or earlier, by its terms or paid in full."""
        last, how = self.end, self.dice.choice(["over", "over", "terms", "paid", "free"])
        if how != "over" and self.now < self.end:
            last = self.now
            live = {place for place in self.live() if self.places[place] < last}
            if how == "paid":
                self.oracle.pay_to_the_end(last, live)
            else:
                percent = self._percent(last) if how == "terms" else 0
                left = cut(self.reservation, at(last), at(last), Unused.BY_TERMS if how == "terms" else Unused.FREE)
                self.oracle.cut(last, last, percent)
                self._write(left.charges)
        for place in self.live():
            self._serve(place, self.places[place], last)
            if self.places[place] < last:
                self.ends[place] = at(last)
        self.reservation.state = ReservationState.ENDED
        return self

    def told(self):
        """Let some things happen, in order, and then its end."""
        for _ in range(self.dice.randint(0, 6)):
            self.now = min(self.now + self.dice.randint(0, 8), self.end)
            self.dice.choice([self.extend, self.extend, self.add, self.shorten, self.swap])()
        self.now = min(self.now + self.dice.randint(0, 8), self.end)
        return self.over()

    def history(self):
        return history_of(self.reservation, tuple(self.used), self.ends)
