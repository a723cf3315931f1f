"""Staff's view of the metal."""

from portal.fleet.admin import controllers, erasures, kinds, servers

__all__ = ["controllers", "erasures", "kinds", "servers"]
