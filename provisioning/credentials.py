"""Credentials of BMCs, resolved at run time and kept nowhere."""

from dataclasses import dataclass

from portal.core import secrets
from portal.fleet.models import BMC


@dataclass(frozen=True)
class Login:
    """User name and password of one BMC, and the next one, which it may have taken already; none is shown by repr."""

    username: str
    password: str
    next_password: str = ""

    def __repr__(self) -> str:
        """Return a form that may be logged."""
        return f"Login({self.username!r}, ***)"


def login_of(bmc: BMC) -> Login:
    """Return the login of a BMC. Raises ValueError when no configured key opens its secret."""
    following = bmc.next_password_encrypted
    return Login(bmc.username, secrets.decrypt(bmc.password_encrypted), secrets.decrypt(following) if following else "")
