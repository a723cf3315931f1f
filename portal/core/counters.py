"""Counting in the cache, which all web processes share."""

from django.core.cache import cache


def count_up(key: str, window_s: int) -> int:
    """Count one more under ``key`` and return the count; it is forgotten ``window_s`` seconds after the first."""
    cache.add(key, 0, window_s)
    try:
        return cache.incr(key)
    except ValueError:  # it expired between the two
        cache.set(key, 1, window_s)
        return 1
