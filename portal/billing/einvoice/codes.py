"""Codes of EN 16931. They come with drafthorse, beside the schema that documents are checked with."""

from functools import cache
from importlib.resources import files

from lxml import etree

LISTS = "schema/Factur-X_1.0.07_EN16931_codedb.xml"
COUNTRIES = 7
"""Which of the lists holds the countries of addresses (ISO 3166-1, and a few that the norm adds)."""


@cache
def countries() -> frozenset[str]:
    """Return the countries that an address can be in."""
    root = etree.fromstring((files("drafthorse") / LISTS).read_bytes())
    return frozenset(root.xpath(f"cl[@id='{COUNTRIES}']/enumeration/@value"))
