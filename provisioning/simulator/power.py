"""The power of a machine: what runs on it runs until it is cut, and not a moment longer."""

import contextlib
import threading
from collections.abc import Iterator


class PowerLost(Exception):
    """The machine was switched off in the middle."""


class Power:
    """One life of a machine: from power on to power off."""

    def __init__(self) -> None:
        """Begin a life."""
        self._off = threading.Event()
        self._lock = threading.Lock()

    @property
    def lost(self) -> bool:
        """Whether this life is over."""
        return self._off.is_set()

    def check(self) -> None:
        """Raise PowerLost when this life is over."""
        if self._off.is_set():
            raise PowerLost

    def pause(self, seconds: float) -> None:
        """Let time pass. Raises PowerLost as soon as this life ends."""
        if self._off.wait(seconds):
            raise PowerLost

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Do a thing that must not happen after the end; ``cut`` waits for it. Raises PowerLost when it is too late."""
        with self._lock:
            self.check()
            yield

    def cut(self) -> None:
        """End this life."""
        with self._lock:
            self._off.set()
