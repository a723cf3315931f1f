"""Celery's messages, which are wake-ups: rows say what is to be done, so a lost message costs time and nothing else."""

import logging
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from celery import current_app
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


class Queue(StrEnum):
    """Celery's queues. A worker serves the one that its ``-Q`` names; without that option, operations."""

    OPERATIONS = "operations"
    SWEEPS = "sweeps"


def wake_worker(
    task: str, args: Sequence[Any], *, otherwise: str, queue: Queue = Queue.OPERATIONS, **options: Any
) -> None:
    """Send a worker of a queue to a task now, and do not wait for a broker that is away.

    ``otherwise`` tells the log who does it then; ``options`` are Celery's for the message.
    """
    try:
        current_app.send_task(task, args=list(args), retry=False, queue=queue.value, **options)
    except (OperationalError, OSError) as error:
        log.warning("broker not reached, %s: %s", otherwise, error)
