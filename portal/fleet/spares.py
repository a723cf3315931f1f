"""How many servers of a pool are held back from sale, to take the place of failed ones. Pure.

Failures are taken as a Poisson process: so many spares that in 99 of 100 cases no more servers are away for repair at
once. A server fails every 264 days: 419 unexpected stops in 54 days of training on 2,048 servers (Meta, Llama 3,
https://arxiv.org/abs/2407.21783, section 3.3.4), and is back 14 days later: 4 spares for 20 servers, 7 for 50, 11 for
100, 19 for 200.
"""

from datetime import timedelta
from math import exp

BETWEEN_FAILURES = timedelta(days=264)
REPAIR = timedelta(days=14)
CONFIDENCE = 0.99
SMALLEST_POOL = 10
"""Of fewer servers none is held back unless staff says so: it would be a large part of what there is to sell."""
MOST_IN_FORMULA = 10_000
"""For larger pools the share of this size is taken: exp of the mean would be zero far beyond it."""


def recommended_spares(servers: int) -> int:
    """Return how many of so many servers to hold back."""
    if servers < SMALLEST_POOL:
        return 0
    if servers > MOST_IN_FORMULA:
        return -(-servers * recommended_spares(MOST_IN_FORMULA) // MOST_IN_FORMULA)
    away = servers * (REPAIR / BETWEEN_FAILURES)
    spares, chance = 0, exp(-away)
    covered = chance
    while covered < CONFIDENCE:
        spares += 1
        chance *= away / spares
        covered += chance
    return spares
