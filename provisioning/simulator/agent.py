"""How a machine speaks with the portal: a few short requests, tried again while the portal restarts."""

import functools
import logging
import ssl
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import httpx

from provisioning.simulator.power import Power

log = logging.getLogger(__name__)

ATTEMPTS = 8
FIRST_PAUSE_S = 0.3
LONGEST_PAUSE_S = 5.0
TIMEOUT_S = 20.0
NOTE_TIMEOUT_S = 5.0
NO_ROUTE = "the port is in no network that leads to the portal"
_TRY_AGAIN = (408, 429)


class Refused(Exception):
    """The portal answered, and the answer is no."""


class Unreachable(Exception):
    """The portal did not answer."""


class DownloadFailed(Exception):
    """A file could not be had, or not to its end."""


@functools.cache
def _trust() -> ssl.SSLContext:
    # Reading the certificates takes longer than all the rest of a boot, so it is done once for all machines.
    return httpx.create_ssl_context(trust_env=False)


class Agent:
    """A ramdisk's or a first boot's view of the portal, for as long as the machine has power.

    Every method raises PowerLost once it has none.
    """

    def __init__(self, power: Power, reaches: Callable[[], bool] = lambda: True) -> None:
        """Make a client that trusts no proxy, and gets no answer while the network does not reach the portal."""
        self.http = httpx.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False, verify=_trust())
        self.power = power
        self.reaches = reaches

    def __enter__(self) -> "Agent":
        """Use the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.http.close()

    def _try(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        """Ask once. Raises Refused, and Unreachable when it is worth to ask again."""
        self.power.check()
        if not self.reaches():
            raise Unreachable(NO_ROUTE)
        try:
            reply = self.http.request(method, url, **kwargs)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.debug("%s: %s", method, error)
            raise Unreachable(f"{type(error).__name__} {error}") from error
        if reply.is_success:
            return reply
        if reply.is_server_error or reply.status_code in _TRY_AGAIN:
            raise Unreachable(f"HTTP {reply.status_code}")
        raise Refused(f"HTTP {reply.status_code}")

    def _request(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        pause = FIRST_PAUSE_S
        for _ in range(ATTEMPTS - 1):
            try:
                return self._try(method, url, **kwargs)
            except Unreachable:
                self.power.pause(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
        return self._try(method, url, **kwargs)

    def fetch_job(self, url: str) -> dict[str, Any]:
        """Return the boot job. Raises Refused, Unreachable, and ValueError when the answer is no job."""
        job = self._request("GET", url).json()
        if not isinstance(job, dict):
            raise ValueError("the portal's answer is no job")
        return job

    def post(self, url: str, token: str, body: dict[str, Any]) -> None:
        """Send a report that must arrive. Raises Refused, Unreachable."""
        self._request("POST", url, json=body, headers=_bearer(token))

    def note(self, url: str, token: str, body: dict[str, Any]) -> None:
        """Send a report that may be lost, such as progress. Raises Refused."""
        try:
            self._try("POST", url, json=body, headers=_bearer(token), timeout=NOTE_TIMEOUT_S)
        except Unreachable as error:
            log.debug("a report was lost: %s", error)

    def stream(self, url: str, chunk: int) -> Iterator[bytes]:
        """Download a file in chunks. Raises DownloadFailed."""
        self.power.check()
        if not self.reaches():
            raise DownloadFailed(NO_ROUTE)
        try:
            with self.http.stream("GET", url) as reply:
                if reply.status_code != 200:
                    raise DownloadFailed(f"HTTP {reply.status_code}")
                for data in reply.iter_bytes(chunk):
                    if not self.reaches():
                        raise DownloadFailed(NO_ROUTE)
                    yield data
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DownloadFailed(f"{type(error).__name__} {error}") from error


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
