"""Customers with many random lives, and what an oracle says that their invoices hold.

Nothing here asks the code that is tested: what is due comes from the cells of the stories, in whole microseconds.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from portal.core.months import months_in, span_of
from portal.core.periods import Period
from tests.billing.lives import CalledOff, Life
from tests.billing.stories import AN_HOUR, BEGIN, PLACES, rounded

TAX = (0, 0, "7.70", "8.25", "19.00", "25.00")
A_DAY = timedelta(days=1)


@dataclass
class Line:
    """What a line of an invoice should say; ``time`` is in microseconds of a server."""

    life: Life | None
    kind: str
    amount: Decimal
    rate: Fraction | None = None
    time: int = 0


@dataclass
class Expected:
    """An invoice that should be, with what it takes of the credits."""

    lines: list[Line]
    taken: list[Decimal]
    subtotal: Decimal
    tax: Decimal


@dataclass
class Version:
    """A version of a customer's contract: from when it is in force, and the lives that serve its lines."""

    number: int
    since: object
    lives: list[Life]
    minimum: Decimal
    row: object = None
    lines: dict = field(default_factory=dict)
    kept: dict = field(default_factory=dict)


class Customer:
    """Its lives, contract, credits and tax by chance, and the oracle's account of it."""

    def __init__(self, seed, size, kinds, region):
        self.seed = seed
        self.dice = dice = random.Random(seed)  # noqa: S311 - a story, not a secret
        self.where = {"kinds": kinds, "region": region}
        self.currencies = dice.choice([["USD"], ["EUR"], ["JPY"], ["USD", "EUR"]])
        self.tax_rate = Decimal(dice.choice(TAX))
        self.is_late, self.is_voided, self.is_corrected = (dice.random() < odds for odds in (0.2, 0.2, 0.3))
        has_contract = dice.random() < 0.6
        self.lives = [self._life(has_contract).told() for _ in range(size)]
        self.versions, self.term = [], None
        if has_contract:
            self._agree()
        first = min(life.reservation.handed_over_at or life.called_off_at for life in self.lives)
        last = max(life.last_at() for life in self.lives)
        if self.term:
            first, last = min(first, self.term.start), max(last, self.term.end)
        self.months = months_in(Period(first, last + A_DAY))
        self.credits = self._credits()
        self.charged, self.shortfall = defaultdict(Decimal), Decimal(0)
        self.receivable, self.left = defaultdict(Decimal), defaultdict(list)

    def _life(self, has_contract):
        dice = self.dice
        begin = BEGIN + timedelta(microseconds=dice.randrange(25 * 24 * AN_HOUR))
        committed = has_contract and dice.random() < 0.4
        currency = self.currencies[0] if committed else dice.choice(self.currencies)
        of = CalledOff if dice.random() < 0.08 and not committed else Life
        return of(dice.getrandbits(60), begin=begin, currency=currency, is_committed=committed, **self.where)

    def _agree(self):
        """Agree on a contract over the committed lives, and perhaps on a later version in the midst of a month.

        What has begun by then goes on; what has not is called off, and lines are added at prices of their own.
        """
        dice, since = self.dice, BEGIN - 3 * A_DAY
        under = [life for life in self.lives if life.reservation.is_committed]
        ends = [life.first[2].end for life in under] or [BEGIN + 40 * A_DAY]
        self.term = Period(since, max(ends) + dice.randint(0, 9) * A_DAY)
        minimum = [Decimal(dice.choice([0, dice.randint(1, 90_000)])) for _ in range(2)]
        changed = BEGIN + timedelta(seconds=dice.randint(1, 24 * 86_400)) if dice.random() < 0.6 else None
        begun = [life for life in under if changed is None or life.oracle.begin <= changed]
        dropped = [] if changed is None else [self._dropped(changed)]
        self.lives += dropped
        self.versions = [Version(1, since, begun + dropped, minimum[0])]
        if changed is not None:
            self.versions.append(Version(2, changed, under, minimum[1]))

    def _dropped(self, at):
        begin = min(at + 5 * A_DAY, self.term.end - 2 * A_DAY)
        kwargs = {"begin": begin, "currency": self.currencies[0], "is_committed": True, **self.where}
        return CalledOff(self.dice.getrandbits(60), at=at, percent=0, **kwargs)

    def _credits(self):
        """Return by month the credits that are given in it: currency and amount."""
        found = defaultdict(list)
        for _ in range(self.dice.choice([0, 0, 1, 3])):
            places = PLACES[currency := self.dice.choice(self.currencies)]
            amount = Decimal(self.dice.randint(1, 10 ** self.dice.randint(2, 7))).scaleb(-places)
            found[self.dice.choice(self.months)].append((currency, amount))
        return found

    def closed_at(self, month):
        """When a month is closed: in time, or with all the others when all is over."""
        return span_of(self.months[-1] if self.is_late else month).end + timedelta(hours=2)

    def give(self, month):
        """Let the credits of a month be given."""
        for currency, amount in self.credits[month]:
            self.left[currency].append(amount)
            self.receivable[currency] -= amount

    def contract_of(self, life, moment):
        """Return the last version by an instant that a life serves."""
        known = [each for each in self.versions if each.since <= moment and life in each.lives]
        return known[-1] if known else None

    def expected(self, month):
        """Return by currency the invoices that should be made for a month, and count them as charged."""
        found = {}
        for currency in self.currencies:
            lines = self._lines(currency, span_of(month))
            lines = _never_below_nothing(lines)
            if any(line.amount for line in lines):
                found[currency] = self._invoice(currency, lines)
        return found

    def _lines(self, currency, month):
        lives = [life for life in self.lives if life.currency == currency and life.reservation.pk]
        lines = [line for life in sorted(lives, key=lambda life: life.reservation.pk) for line in self._of(life, month)]
        return lines + (self._missing(month) if currency == self.currencies[0] else [])

    def _of(self, life, month):
        oracle, before = life.oracle, Decimal(0)
        kinds = ("committed", "overflow") if life.reservation.is_committed else ("on_demand", "on_demand")
        for number, price in enumerate(oracle.prices):
            past, counted = oracle.counted(price[1], month.start), oracle.counted(price[1], month.end)
            earlier, due = oracle.due_of(price, month.start), oracle.due_of(price, month.end)
            before += earlier
            if counted > past:
                yield Line(life, kinds[number > 0], due - earlier, price[0], counted - past)
        for at, fee in oracle.fees:
            before += fee if at < month.start else 0
            if month.start <= at < month.end:
                yield Line(life, "fee", fee)
        if before != self.charged[life.seed]:
            yield Line(life, "correction", before - self.charged[life.seed])

    def _missing(self, month):
        """Return what is missing to the minimum, once the term is over."""
        if not self.versions or self.term.end > month.end or not self.versions[-1].minimum:
            return []
        under = {life.seed: life for version in self.versions for life in version.lives}.values()
        spent = sum((life.oracle.due(month.end) for life in under), Decimal(0))
        due = max(self.versions[-1].minimum - spent, Decimal(0)) - self.shortfall
        return [Line(None, "shortfall" if due > 0 else "correction", due)] if due else []

    def _invoice(self, currency, lines):
        for line in lines:
            if line.life is None:
                self.shortfall += line.amount
            else:
                self.charged[line.life.seed] += line.amount
        charges, taken = sum((line.amount for line in lines), Decimal(0)), []
        for amount in self.left[currency]:
            taken.append(min(amount, charges - sum(taken)))
        self.left[currency] = [
            rest for was, part in zip(self.left[currency], taken, strict=True) if (rest := was - part)
        ]
        subtotal = charges - sum(taken)
        tax = rounded(Fraction(subtotal) * Fraction(self.tax_rate) / 100, PLACES[currency])
        self.receivable[currency] += charges + tax
        return Expected(lines, [part for part in taken if part], subtotal, tax)


def _never_below_nothing(lines):
    left, kept = sum(line.amount for line in lines if line.amount > 0), []
    for line in lines:
        if line.amount < 0:
            if left + line.amount < 0:
                continue
            left += line.amount
        kept.append(line)
    return kept
