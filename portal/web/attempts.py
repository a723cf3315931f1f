"""The brake on guessing passwords: failures are counted per account and per address, in the cache."""

import hashlib
from dataclasses import dataclass
from typing import Self

from django.core.cache import cache
from django.http import HttpRequest

from portal.core.counters import count_up

WINDOW_S = 15 * 60
PER_ACCOUNT = 10
PER_ADDRESS = 50
TOO_MANY = f"Too many wrong attempts. Wait up to {WINDOW_S // 60} minutes, then try again."


@dataclass(frozen=True)
class Attempt:
    """Somebody at an address tries to be somebody."""

    account_key: str
    address_key: str

    @classmethod
    def of(cls, request: HttpRequest, email: str) -> Self:
        """Return the attempt of a request. The account is keyed by a digest: caches are no place for addresses."""
        address = request.META.get("REMOTE_ADDR", "")
        digest = hashlib.sha256(f"{email.casefold()}|{address}".encode()).hexdigest()
        return cls(f"login:account:{digest}", f"login:address:{address}")

    def is_blocked(self) -> bool:
        """Tell whether there were too many failures in the window."""
        failures: dict[str, int] = cache.get_many([self.account_key, self.address_key])
        return failures.get(self.account_key, 0) >= PER_ACCOUNT or failures.get(self.address_key, 0) >= PER_ADDRESS

    def note_failure(self) -> None:
        """Count one failure; the window begins with the first."""
        for key in (self.account_key, self.address_key):
            count_up(key, WINDOW_S)

    def forget(self) -> None:
        """Forget the account's failures after a right password."""
        cache.delete(self.account_key)
