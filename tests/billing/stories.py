"""Random lives of a reservation, told twice: to what bills them, and to an oracle that counts each cell of a grid.

Time goes by ticks of an odd length, so that nothing falls on the boundaries of hours, days or months by itself.
"""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from portal.billing.histories import Ends, history_of
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


MICROSECOND = timedelta(microseconds=1)
A_TICK = TICK // MICROSECOND
AN_HOUR = 3_600_000_000
PLACES = {"USD": 2, "EUR": 2, "CHF": 2, "SEK": 2, "JPY": 0}
"""Decimals of currencies, as the oracle knows them."""


def rounded(exact, places=2):
    """Round a fraction half up: not by the code that is tested."""
    return Decimal(int(exact * 10**places + Fraction(1, 2))).scaleb(-places)


KINDS = [ServerType(slug="x", name="8 x H100", gpu_count=gpus) for gpus in (1, 2, 4, 8)]
REGION = Region(code="eu")


class Oracle:
    """Counts cells: a place and a tick. Prices are told apart by when they were agreed."""

    def __init__(self, gpus, begin=BEGIN, currency="USD"):
        self.gpus, self.begin, self.decimals = gpus, begin, PLACES[currency]
        self.prices = []
        self.fees = []
        self.served = set()
        self.paid = {}
        self.lost = []
        """Time of places that finance took out again: place, and microseconds since the beginning, from and to."""

    def at(self, tick):
        return self.begin + tick * TICK

    def agree(self, rate, places, first, last):
        cells = {(place, tick) for place in places for tick in range(first, last)}
        self.prices.append([Fraction(rate) * self.gpus, cells])

    def worth(self, price):
        return rounded(price[0] * len(price[1]) * Fraction(A_TICK, AN_HOUR), self.decimals)

    def cut(self, tick, now, percent):
        before = sum(map(self.worth, self.prices))
        for price in self.prices:
            price[1] = {cell for cell in price[1] if cell[1] < tick}
        self.prices = [price for price in self.prices if price[1]]
        fee = rounded(Fraction(before - sum(map(self.worth, self.prices))) * Fraction(percent) / 100, self.decimals)
        if fee:
            self.fees.append((self.at(now), fee))

    def pay_to_the_end(self, tick, places):
        """What is given back and paid all the same is due when it is given back."""
        for _, cells in self.prices:
            for cell in cells:
                if cell[1] >= tick and cell[0] in places:
                    self.paid[cell] = self.at(tick)

    def take_out(self, place, start, end):
        """Take out what a place had in a month. Where that was its last, it had no server to the last either."""
        first, last = ((at - self.begin) // MICROSECOND for at in (start, end))
        self.lost.append((place, first, last))
        self.paid = {cell: at for cell, at in self.paid.items() if cell[0] != place or not start < at <= end}

    def counted(self, cells, until):
        """Return the time of servers in some cells by an instant, in microseconds."""
        whole, part = divmod(max(0, (until - self.begin) // MICROSECOND), A_TICK)
        total = 0
        for cell in cells:
            if cell in self.paid:
                total += A_TICK if self.paid[cell] < until else 0
            elif cell in self.served and cell[1] <= whole:
                start, length = cell[1] * A_TICK, A_TICK if cell[1] < whole else part
                total += length - sum(
                    max(0, min(last, start + length) - max(first, start))
                    for place, first, last in self.lost
                    if place == cell[0]
                )
        return total

    def due_of(self, price, until):
        return rounded(price[0] * Fraction(self.counted(price[1], until), AN_HOUR), self.decimals)

    def due(self, until):
        fees = sum((fee for when, fee in self.fees if when < until), Decimal(0))
        return fees + sum((self.due_of(price, until) for price in self.prices), Decimal(0))


class Story:
    """A reservation and its oracle, changed together at random."""

    def __init__(self, seed, begin=BEGIN, currency="USD", kinds=KINDS, region=REGION, is_committed=None):
        self.dice = dice = random.Random(seed)  # noqa: S311 - a story, not a secret
        self.currency, self.kind = currency, dice.choice(kinds)
        self.oracle = Oracle(self.kind.gpu_count, begin, currency)
        at = self.oracle.at
        self.terms = dice.randrange(len(TERMS))
        self.count, self.start, self.end = dice.randint(1, 5), 0, dice.randint(2, 40)
        rate = self._rate()
        self.reservation = Reservation(
            name="run",
            server_type=self.kind,
            region=region,
            count=self.count,
            period=Period(at(0), at(self.end)).as_range(),
            rate_per_gpu_hour=rate,
            currency=currency,
            cancellation_terms=TERMS[self.terms],
            state="active",
            is_committed=dice.random() < 0.3 if is_committed is None else is_committed,
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
        self.used, self.ends, self.now, self.over_at, self.how = [], {}, 0, None, None

    def _rate(self):
        return Decimal(self.dice.randint(1, 9_999_999)).scaleb(-6)

    def _hand_over(self, place, tick):
        """Mostly in time, sometimes late, sometimes not at all."""
        late = self.dice.choice([0, 0, 0, 0, 1, 2, None])
        self.places[place] = None if late is None else tick + late

    def _charge(self, count, rate, first, last):
        period = Period(self.oracle.at(first), self.oracle.at(last))
        amount = Money(period.at_rate(rate * count * self.kind.gpu_count), self.currency)
        return Charge(QuoteLine("8 x H100 in eu", "", amount), count, rate, period)

    def _write(self, charges):
        self.reservation.price_lines = [charge.as_json() for charge in charges]
        self.reservation.price = sum_of(charges, self.currency).amount

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
        left = cut(self.reservation, self.oracle.at(until), self.oracle.at(self.now))
        self.oracle.cut(until, self.now, self._percent(until))
        self._write(left.charges)
        self.reservation.cancellation_fee = left.owed.amount
        self.end = until
        self._period()

    def _percent(self, until):
        hours = Fraction(int((self.oracle.at(until) - self.oracle.at(self.now)).total_seconds()), 3600)
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
        self.reservation.period = Period(self.oracle.at(0), self.oracle.at(self.end)).as_range()

    def _serve(self, place, first, last):
        if first < last:
            self.used.append(Used(place, Period(self.oracle.at(first), self.oracle.at(last))))
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
                left = cut(
                    self.reservation,
                    self.oracle.at(last),
                    self.oracle.at(last),
                    Unused.BY_TERMS if how == "terms" else Unused.FREE,
                )
                self.oracle.cut(last, last, percent)
                self._write(left.charges)
                self.reservation.cancellation_fee = left.owed.amount
        self.over_at, self.how = last, how
        for place in self.live():
            self._serve(place, self.places[place], last)
            if self.places[place] < last:
                self.ends[place] = self.oracle.at(last)
        self.reservation.state = ReservationState.ENDED

    def told(self):
        """Let some things happen, in order, and then its end."""
        for _ in range(self.dice.randint(0, 6)):
            self.now = min(self.now + self.dice.randint(0, 8), self.end)
            self.dice.choice([self.extend, self.extend, self.add, self.shorten, self.swap])()
            self.happened()
        self.now = min(self.now + self.dice.randint(0, 8), self.end)
        self.over()
        self.happened()
        return self

    def happened(self):
        """Called after each thing that happened."""

    def history(self):
        ends = Ends(self.ends, max(self.ends.values(), default=None))
        return history_of(self.reservation, tuple(self.used), ends)
