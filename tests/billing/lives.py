"""Random lives as the database sees them: what their rows say at any instant, and what an oracle says is due."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from portal.reservations.models import Allocation
from portal.reservations.states import AllocationState, ReservationState
from tests.billing.stories import Story

AN_HOUR = timedelta(hours=1)
EARLY = timedelta(minutes=5)
CHANGING = ("period", "price", "price_lines", "cancellation_fee", "state", "state_changed_at", "handed_over_at")
"""Columns of a reservation that its life changes."""


@dataclass
class Turn:
    """A server's turn in a place: booked at a tick, handed over at one (None: never), until another."""

    place: int
    made: int
    ready: int | None
    until: int | None = None
    row: Allocation | None = None


class Life(Story):
    """A story that remembers how it stood after each thing that happened."""

    def __init__(self, seed, **kwargs):
        self.turns, self.stood, self.seed = [], [], seed
        super().__init__(seed, **kwargs)
        self.reservation.name = f"h{seed}"
        self.first = (self.count, self.reservation.rate_per_gpu_hour, self.reservation.span)
        self.is_early = self.dice.random() < 0.5
        self.overrun = timedelta(seconds=self.dice.choice([0, 0, 9, 50]))
        self.reservation.handed_over_at = self.begins_at
        self.reservation.state_changed_at = self.begins_at
        self.happened()

    @property
    def begins_at(self):
        """When it is handed over: some are a little before their start, which costs nothing."""
        return self.oracle.begin - (EARLY if self.is_early else timedelta(0))

    def _hand_over(self, place, tick):
        super()._hand_over(place, tick)
        if place == 0:
            # What is handed over has a server.
            self.places[0] = tick
        self.turns.append(Turn(place, tick, self.places[place]))

    def swap(self):
        before = dict(self.places)
        super().swap()
        for place, ready in self.places.items():
            if ready != before[place]:
                self._last_turn(place).until = self.now
                self.turns.append(Turn(place, self.now, ready))

    def _last_turn(self, place):
        return next(turn for turn in reversed(self.turns) if turn.place == place)

    def over(self):
        if self.now and any(turn.made == self.now for turn in self.turns):
            # A server that is lost at the very end is lost before it, or nobody could tell who held it to the last.
            self.now = min(self.now + 1, self.end)
        super().over()
        self.now = max(self.now, self.over_at)
        for place in self.places:
            self._last_turn(place).until = self.over_at
        self.reservation.state_changed_at = self._left_at(self.over_at)

    def _left_at(self, tick):
        """Whose time is over keeps its servers until somebody looks: that costs nothing either."""
        return self.oracle.at(tick) + (self.overrun if tick == self.over_at and self.how == "over" else timedelta(0))

    def happened(self):
        self.stood.append((self.oracle.at(self.now), {name: getattr(self.reservation, name) for name in CHANGING}))

    def as_of(self, moment):
        """Return the reservation's changing columns as they were at an instant; None before it began."""
        known = [values for at, values in self.stood if at <= moment and self.begins_at <= moment]
        return known[-1] if known else None

    def turns_of(self, moment):
        """Return the turns that were known of by an instant, and the changing columns of their allocations."""
        at = self.oracle.at
        end = self.as_of(moment)["period"].upper
        for turn in self.turns:
            if at(turn.made) > moment:
                continue
            gone = turn.until is not None and at(turn.until) <= moment
            ready = turn.ready is not None and at(turn.ready) <= moment and (not gone or turn.ready < turn.until)
            left = self._left_at(turn.until) if gone else end
            since = min(at(turn.made), at(turn.ready) if ready else at(turn.made)) - AN_HOUR
            known = AllocationState.SERVING if ready else AllocationState.BOOKED
            yield (
                turn,
                {
                    "state": AllocationState.RELEASED if gone else known,
                    "ready_at": self._ready_at(turn) if ready else None,
                    "occupied": DateTimeTZRange(since, left + AN_HOUR, "[)"),
                    "turnover": DateTimeTZRange(left, left + AN_HOUR, "[)"),
                },
            )

    def _ready_at(self, turn):
        return self.begins_at if turn.ready == 0 else self.oracle.at(turn.ready)

    def last_at(self):
        return self.oracle.at(self.now)


class CalledOff(Life):
    """One that was called off before it began, for a fee or for nothing."""

    def __init__(self, seed, at=None, percent=None, **kwargs):
        super().__init__(seed, **kwargs)
        row, oracle = self.reservation, self.oracle
        self.called_off_at = at or oracle.begin - timedelta(seconds=self.dice.randint(1, 3_000_000))
        share = self.dice.choice([0, 50, 100]) if percent is None else percent
        fee = min(row.price, (row.price * share / 100).quantize(Decimal(1)))
        oracle.prices, self.turns = [], []
        oracle.fees = [(self.called_off_at, fee)] if fee else []
        was = {"handed_over_at": None, "cancellation_fee": Decimal(0)}
        self._stands(self.begins_at, was | {"state": ReservationState.SCHEDULED, "state_changed_at": self.begins_at})
        self._stands(self.called_off_at, {"state_changed_at": self.called_off_at, "cancellation_fee": fee})
        self.stood[-1][1]["state"] = ReservationState.CANCELLED
        self.stood = self.stood[-2:]

    def _stands(self, at, values):
        for name, value in values.items():
            setattr(self.reservation, name, value)
        self.stood.append((at, {name: getattr(self.reservation, name) for name in CHANGING}))

    @property
    def begins_at(self):
        """When it was booked."""
        return getattr(self, "called_off_at", self.oracle.begin) - timedelta(days=9)

    def told(self):
        return self

    def last_at(self):
        return self.called_off_at
