"""Staff's view of the metal."""

from portal.fleet.admin import certificates, controllers, erasures, inspections, kinds, networks, servers

__all__ = ["certificates", "controllers", "erasures", "inspections", "kinds", "networks", "servers"]
