"""Staff's view of the metal."""

from portal.fleet.admin import (
    certificates,
    controllers,
    enrolling,
    erasures,
    inspections,
    kinds,
    networks,
    servers,
)

__all__ = ["certificates", "controllers", "enrolling", "erasures", "inspections", "kinds", "networks", "servers"]
