"""Staff's view of what is sold."""

from portal.catalog.admin import images, prices

__all__ = ["images", "prices"]
