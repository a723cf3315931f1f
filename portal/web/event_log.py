"""The log of a reservation: what was told, newest first; what many servers did at once is one line."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.operations.models import OperationEvent
from portal.reservations.handover.hostlist import hostlist
from portal.web.templatetags.web import readable

BAD_EVENTS = ("reservation.failed", "server.failed", "server.quarantined")
TOGETHER = timedelta(seconds=2)
"""What servers do within this time counts as done at once."""


@dataclass
class Line:
    """One line: the newest of the events that it stands for, and whose they were."""

    id: str
    at: datetime
    text: str
    tone: str = ""
    new_day: bool = False
    hostnames: list[str] = field(default_factory=list)
    durations_ms: list[int] = field(default_factory=list)

    @property
    def server(self) -> str:
        """The servers, as a host list; empty where the whole reservation is meant."""
        return hostlist(self.hostnames)

    @property
    def took(self) -> str:
        """How long it took, in brackets; from the quickest to the slowest server."""
        if not self.durations_ms:
            return ""
        quickest, slowest = duration(min(self.durations_ms)), duration(max(self.durations_ms))
        return f"({quickest})" if quickest == slowest else f"({quickest} to {slowest})"


def log_lines(events: Iterable[OperationEvent]) -> list[Line]:
    """Return the log of ``events``, which come newest first."""
    lines: list[Line] = []
    for event in events:
        last = lines[-1] if lines else None
        text = readable(event.message)
        if last is None or not _joins(last, event, text):
            new_day = last is None or last.at.date() != event.created_at.date()
            tone = "bad" if event.type in BAD_EVENTS else ""
            last = Line(event.public_id, event.created_at, text, tone, new_day=new_day)
            lines.append(last)
        if event.hostname:
            last.hostnames.append(event.hostname)
        if event.duration_ms:
            last.durations_ms.append(event.duration_ms)
    return lines


def _joins(line: Line, event: OperationEvent, text: str) -> bool:
    """Tell whether an event says of one more server what the line says of others."""
    one_more = bool(line.hostnames and event.hostname) and event.hostname not in line.hostnames
    return one_more and line.text == text and line.at - event.created_at <= TOGETHER


def duration(milliseconds: int) -> str:
    """Write how long something took: at least a second, in seconds or in minutes and seconds."""
    minutes, seconds = divmod(max(1, round(milliseconds / 1000)), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
