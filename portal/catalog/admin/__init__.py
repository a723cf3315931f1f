"""Staff's view of what is sold."""

from portal.catalog.admin import images, imports, prices

__all__ = ["images", "imports", "prices"]
