"""What is promised about speed, and what a run measured of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any


class Rule(StrEnum):
    """Which side of its bound a figure must lie on."""

    AT_MOST = "<="
    AT_LEAST = ">="


@dataclass(frozen=True)
class Bound:
    """A promise: ``work`` in words, and the figure that the worst round must keep."""

    work: str
    rule: Rule
    limit: float
    unit: str = "x"


KEY, PLAIN = "a primary-key read", "a plain insert of the same rows"
BOUNDS: dict[str, Bound] = {
    "search": Bound(f"search 64 of a 10k fleet, against {KEY}", Rule.AT_MOST, 4),
    "search_churn": Bound("the same after churn, not vacuumed", Rule.AT_MOST, 8),
    "place": Bound(f"place 64, whole transaction, against {PLAIN}", Rule.AT_MOST, 7),
    "grow_64": Bound("growth of placing 64 servers, 10k to 100k", Rule.AT_MOST, 2),
    "grow_1": Bound("growth of placing 1 server, 1k to 100k", Rule.AT_MOST, 1.3),
    "starts": Bound(f"next 10 starts, 10k, against {KEY}", Rule.AT_MOST, 20),
    "grow_starts": Bound("growth of next 10 starts of 8 servers, 1k to 100k", Rule.AT_MOST, 1.3),
    "calendar": Bound(f"calendar of 90 days, 10k, against {KEY}", Rule.AT_MOST, 15),
    "grow_calendar": Bound("growth of the calendar, 1k to 100k", Rule.AT_MOST, 1.3),
    "rack": Bound(f"8 servers in one rack, 10k, against {KEY}", Rule.AT_MOST, 15),
    "grow_rack": Bound("growth of that search, 10k to 100k", Rule.AT_MOST, 3),
    "rack_none": Bound(f"the same where no rack fits, 10k, against {KEY}", Rule.AT_MOST, 15),
    "grow_rack_none": Bound("growth of that, 10k to 100k", Rule.AT_MOST, 3),
    "shorten": Bound("shorten a booking of 64, against booking it", Rule.AT_MOST, 2),
    "cancel": Bound("cancel a booking of 64, against booking it", Rule.AT_MOST, 2),
    "stampede": Bound("stampede, 32 clients, one pool, share of commits of equal rows", Rule.AT_LEAST, 12, "%"),
    "stampede_lock": Bound("the same against a plain pool lock", Rule.AT_LEAST, 2),
    "stampede_tail": Bound("p99 of the stampede, against its p50", Rule.AT_MOST, 5),
    "scarce": Bound("scarce pool, 64 clients, decisions against uncontended bookings", Rule.AT_LEAST, 1),
    "scarce_tail": Bound("p99 of the scarce pool", Rule.AT_MOST, 100, "ms"),
    "exact": Bound("exact fit: share of asks for exactly enough that were served", Rule.AT_LEAST, 100, "%"),
    "fold": Bound("timeline during the stampede: longest time between two foldings", Rule.AT_MOST, 1000, "ms"),
    "starts_busy": Bound(f"next 10 starts meanwhile, against {KEY}", Rule.AT_MOST, 20),
    "calendar_busy": Bound(f"calendar of 90 days meanwhile, against {KEY}", Rule.AT_MOST, 15),
    "post": Bound("POST /reservations of 8, against the raw SQL call", Rule.AT_MOST, 2),
    "listing": Bound("list of 100 reservations, against SQL json", Rule.AT_MOST, 5),
    "statements": Bound("SQL statements of a booking: most less fewest, by fleet and by size", Rule.AT_MOST, 0, ""),
    "blazar": Bound("POST of 8 at 10k servers, against Blazar's 5.6 s at 1k", Rule.AT_LEAST, 500),
    "faults": Bound("double-booked, partly booked or wrong on the calendar at the end", Rule.AT_MOST, 0, ""),
}


PLAIN_PLAY = "a plain ansible-playbook of the same tasks"
PROVISIONING: dict[str, Bound] = {
    "wall": Bound(f"handing servers over, seconds of the clock, against {PLAIN_PLAY}, worst size", Rule.AT_MOST, 1.2),
    "cpu": Bound(f"the same, seconds of processors, against {PLAIN_PLAY}, worst size", Rule.AT_MOST, 1.2),
    "flat": Bound("processor seconds of each further server, largest step against the one before", Rule.AT_MOST, 1.2),
    "memory": Bound("memory of a worker with its Ansible, at 64 servers", Rule.AT_MOST, 400, "MiB"),
}

BILLING: dict[str, Bound] = {
    "close": Bound(
        "closing a month of 31 days for the largest fleet, all customers one after the other", Rule.AT_MOST, 60, "s"
    ),
    "close_growth": Bound("the same by server, a quarter of the fleet to all of it", Rule.AT_MOST, 1.3),
}


@dataclass
class Results:
    """The figures of every round by the bound's name, and the milliseconds that they come from."""

    bounds: Mapping[str, Bound] = field(default_factory=lambda: BOUNDS)
    figures: dict[str, list[float]] = field(default_factory=dict)
    times: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, name: str, figure: float) -> None:
        """Note a round's figure for a bound."""
        self.figures.setdefault(name, []).append(figure)

    def time(self, work: str, fleet: str, milliseconds: float) -> None:
        """Note a round's median for some work on a fleet."""
        self.times.setdefault(work, {}).setdefault(fleet, []).append(milliseconds)

    def lines(self) -> "list[Line]":
        """Return every bound that was measured, in order."""
        return [Line(name, self.bounds[name], self.figures[name]) for name in self.bounds if name in self.figures]

    def as_json(self) -> dict[str, Any]:
        """Return everything for a file."""
        return {"bounds": [line.as_json() for line in self.lines()], "milliseconds": self.times}


@dataclass(frozen=True)
class Line:
    """A bound with what the rounds measured."""

    name: str
    bound: Bound
    figures: Sequence[float]

    @property
    def worst(self) -> float:
        """The figure of the round that is furthest from keeping the bound."""
        return max(self.figures) if self.bound.rule is Rule.AT_MOST else min(self.figures)

    @property
    def is_met(self) -> bool:
        """Whether the worst round kept the bound."""
        return self.worst <= self.bound.limit if self.bound.rule is Rule.AT_MOST else self.worst >= self.bound.limit

    def as_json(self) -> dict[str, Any]:
        """Return the line for a file."""
        return {
            "name": self.name,
            "work": self.bound.work,
            "bound": f"{self.bound.rule} {self.bound.limit:g} {self.bound.unit}".strip(),
            "worst": round(self.worst, 3),
            "median": round(median(self.figures), 3),
            "rounds": [round(figure, 3) for figure in self.figures],
            "met": self.is_met,
        }
