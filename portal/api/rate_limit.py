"""How often a token may ask: a number of requests for each minute of the clock, counted in the shared cache.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-10.
"""

import logging
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from portal.core import clock
from portal.core.counters import count_up

WINDOW_S = 60
POLICY = "minute"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Allowance:
    """What is left of a token's requests in the present window, and how many seconds that window still lasts."""

    limit: int
    used: int
    reset_s: int

    @property
    def is_exceeded(self) -> bool:
        """Whether more was asked than may be."""
        return self.used > self.limit

    def header(self) -> str:
        """Return the value of ``RateLimit``."""
        return f'"{POLICY}";r={max(0, self.limit - self.used)};t={self.reset_s}'


def policy_header() -> str:
    """Return the value of ``RateLimit-Policy``."""
    return f'"{POLICY}";q={settings.METALYARD_API_REQUESTS_PER_MINUTE};w={WINDOW_S}'


def allowance_of(token_id: str, *, counts: bool) -> Allowance:
    """Return what a token may still ask, after counting the present request if it ``counts``."""
    moment = int(clock.now().timestamp())
    key = f"rate:{token_id}:{moment // WINDOW_S}"
    try:
        used = count_up(key, 2 * WINDOW_S) if counts else cache.get(key, 0)
    except (RedisError, OSError) as error:
        # Without its cache the portal still works; it only cannot brake.
        log.warning("the cache does not answer, requests are not counted: %s", error)
        used = 0
    return Allowance(settings.METALYARD_API_REQUESTS_PER_MINUTE, used, WINDOW_S - moment % WINDOW_S)
