"""Long polls: a request that waits for news, bounded in time and in number."""

import time
from collections.abc import Callable
from threading import BoundedSemaphore

from django.conf import settings

MAX_WAIT_S = 30
STEP_S = 0.5

_slots = BoundedSemaphore(settings.METALYARD_LONG_POLLS)


def wait_until(is_news: Callable[[], bool], seconds: float) -> None:
    """Return once ``is_news`` holds or ``seconds`` have passed.

    Returns at once where as many requests of this process wait already as may: the others keep their threads, and
    the client just asks again.
    """
    deadline = time.monotonic() + seconds
    if is_news() or seconds <= 0 or not _slots.acquire(blocking=False):
        return
    try:
        while not is_news():
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(STEP_S, left))
    finally:
        _slots.release()
