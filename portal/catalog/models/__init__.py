"""What is sold: OS images, price books and promises."""

from portal.catalog.models.images import FILE_NAME, Encoding, ImageImport, OSImage
from portal.catalog.models.prices import CancellationTerm, Price, PriceBook
from portal.catalog.models.sla import SlaTier

__all__ = ["FILE_NAME", "CancellationTerm", "Encoding", "ImageImport", "OSImage", "Price", "PriceBook", "SlaTier"]
