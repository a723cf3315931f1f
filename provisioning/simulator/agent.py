"""How a machine speaks with the portal: a few short requests, tried again while the portal restarts."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

log = logging.getLogger(__name__)

ATTEMPTS = 6
FIRST_PAUSE_S = 0.3


class Refused(Exception):
    """The portal answered, and the answer is no."""


class Unreachable(Exception):
    """The portal did not answer."""


class Agent:
    """A ramdisk's or a first boot's view of the portal. ``stopped`` tells when the machine lost its power."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        """Make a client that trusts no proxy."""
        self.http = httpx.Client(timeout=20, trust_env=False, follow_redirects=False)
        self.stopped = stopped

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def _request(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        pause = FIRST_PAUSE_S
        for _ in range(ATTEMPTS):
            try:
                reply = self.http.request(method, url, **kwargs)
            except httpx.HTTPError as error:
                log.debug("%s: %s", url, error)
            else:
                if reply.status_code < 400:
                    return reply
                if reply.status_code < 500:
                    raise Refused(f"{reply.status_code}")
            if self.stopped():
                raise Unreachable("power lost")
            time.sleep(pause)
            pause *= 2
        raise Unreachable(f"{ATTEMPTS} attempts")

    def fetch_job(self, url: str) -> dict[str, Any]:
        """Return the boot job. Raises Refused, Unreachable."""
        job: dict[str, Any] = self._request("GET", url).json()
        return job

    def post(self, url: str, token: str, body: dict[str, Any]) -> None:
        """Send one report. Raises Refused, Unreachable."""
        self._request("POST", url, json=body, headers={"Authorization": f"Bearer {token}"})

    def stream(self, url: str, chunk: int) -> Iterator[bytes]:
        """Download a file in chunks. Raises Refused, Unreachable."""
        try:
            with self.http.stream("GET", url) as reply:
                if reply.status_code != 200:
                    raise Refused(f"{reply.status_code}")
                yield from reply.iter_bytes(chunk)
        except httpx.HTTPError as error:
            raise Unreachable(str(error)) from error
