"""Noting that workers live."""

from portal.core import clock
from portal.operations.models import WorkerPulse


def note_pulse(*, name: str) -> None:
    """Note that the worker of that name is alive now. No audit row: this is no change to the world."""
    WorkerPulse.objects.update_or_create(name=name, defaults={"seen_at": clock.now()})
