"""Staff's view of the metal."""

from portal.fleet.admin import erasures, kinds, servers

__all__ = ["erasures", "kinds", "servers"]
