"""Holding an operation while working on it: a heartbeat that keeps the lease and the fence file fresh.

When the lease is lost the fence goes first, then the run is stopped: a worker loses politely.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from portal.operations.services import claims
from portal.operations.services.claims import Claim
from provisioning.fence import Fence, drop_fence, write_fence

log = logging.getLogger(__name__)


class Lease:
    """A claim that is being kept alive."""

    def __init__(self, claim: Claim) -> None:
        """Start with the lease as it was taken."""
        self.claim = claim
        self.expires_at = claim.expires_at
        self.lost = threading.Event()
        self._fence: Path | None = None
        self._lock = threading.Lock()

    @contextmanager
    def fenced(self, path: Path) -> Iterator[Path]:
        """Keep a fence file at ``path`` fresh for as long as the block runs and the claim is held."""
        with self._lock:
            self._fence = path
            self._refresh()
        try:
            yield path
        finally:
            with self._lock:
                self._fence = None

    def beat(self) -> None:
        """Prolong the lease once; note when it is lost. A database that does not answer is asked again next time."""
        try:
            renewed = claims.renew(claim=self.claim)
        except DatabaseError as error:
            log.warning("lease of operation %s not renewed: %s", self.claim.operation_pk, error)
            connection.close()
            return
        with self._lock:
            if renewed is None:
                # Whoever hears that the lease is lost finds the fence gone.
                self._drop()
                self.lost.set()
            else:
                self.expires_at = renewed
                self._refresh()

    def _refresh(self) -> None:
        if self.lost.is_set():
            self._drop()
        elif self._fence is not None:
            write_fence(self._fence, Fence(self.claim.epoch, self.expires_at.timestamp()))

    def _drop(self) -> None:
        if self._fence is not None:
            drop_fence(self._fence)


@contextmanager
def held(claim: Claim) -> Iterator[Lease]:
    """Keep ``claim`` alive by a heartbeat for as long as the block runs, then give it back.

    After an error it is not given back: what was left half done is a lost worker's, and is dealt with as such once the
    lease has run out.
    """
    lease = Lease(claim)
    stop = threading.Event()

    def heartbeat() -> None:
        try:
            while not stop.wait(settings.METALYARD_LEASE_SECONDS / 3) and not lease.lost.is_set():
                lease.beat()
        finally:
            connection.close()

    thread = threading.Thread(target=heartbeat, name=f"heartbeat-{claim.operation_pk}", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        stop.set()
        thread.join(timeout=settings.METALYARD_LEASE_SECONDS)
    claims.give_back(claim=claim)
