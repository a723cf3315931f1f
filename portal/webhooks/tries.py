"""When a message is sent, and again: the table that Standard Webhooks 1.0 suggests."""

from datetime import datetime, timedelta

WAITS: tuple[timedelta, ...] = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long after the one before each try is due: some 75 hours in all.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability
"""


def next_try(tries: int, now: datetime) -> datetime | None:
    """Return when a message is due that was tried so often, last just now; None when that was the last time."""
    return now + WAITS[tries] if tries < len(WAITS) else None
