"""What is sold: OS images, price books, fees, support and promises."""

from portal.catalog.models.fees import Fee, FeeBasis
from portal.catalog.models.images import FILE_NAME, Encoding, ImageImport, OSImage
from portal.catalog.models.prices import MOST_MONTHS, CancellationTerm, Commitment, Price, PriceBook
from portal.catalog.models.sla import SlaTier
from portal.catalog.models.support import SupportHours, SupportTier

__all__ = [
    "FILE_NAME",
    "MOST_MONTHS",
    "CancellationTerm",
    "Commitment",
    "Encoding",
    "Fee",
    "FeeBasis",
    "ImageImport",
    "OSImage",
    "Price",
    "PriceBook",
    "SlaTier",
    "SupportHours",
    "SupportTier",
]
