"""Staff's view of what is sold."""

from portal.catalog.admin import book_acts, images, imports, prices, tiers

__all__ = ["book_acts", "images", "imports", "prices", "tiers"]
