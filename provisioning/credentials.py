"""Credentials of BMCs, resolved at run time and kept nowhere."""

from dataclasses import dataclass

from portal.core import secrets
from portal.fleet.models import BMC


@dataclass(frozen=True)
class Login:
    """User name and password of one BMC. Its representation shows no password."""

    username: str
    password: str

    def __repr__(self) -> str:
        """Return a form that may be logged."""
        return f"Login({self.username!r}, ***)"


def login_of(bmc: BMC) -> Login:
    """Return the login of a BMC. Raises ValueError when no configured key opens its secret."""
    return Login(bmc.username, secrets.decrypt(bmc.password_encrypted))
