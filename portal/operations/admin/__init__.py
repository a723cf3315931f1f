"""Staff's view of the work on machines."""

from portal.operations.admin import operations, record

__all__ = ["operations", "record"]
