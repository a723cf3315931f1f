"""Numbers beside the navigation."""

from portal.tenancy.scope import Scope


def nav_counts(scope: Scope) -> dict[str, int]:
    """Return how many live reservations and servers the project has."""
    return {}
