"""Noting that workers live."""

from portal.core import clock
from portal.core.waking import Queue
from portal.operations.models import WorkerPulse


def note_pulse(*, name: str, queue: Queue) -> None:
    """Note that the worker of that name serves a queue now. No audit row: this is no change to the world."""
    WorkerPulse.objects.update_or_create(name=name, queue=queue, defaults={"seen_at": clock.now()})
