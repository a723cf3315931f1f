"""Staff's pages of what sales agreed."""

from portal.contracts.admin import acts, panels, record

__all__ = ["acts", "panels", "record"]
