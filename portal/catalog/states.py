"""The lives of an import (a customer's own image on its way into the catalogue) and of a price book."""

from datetime import timedelta
from enum import StrEnum

from portal.core.states import Nature, State, StateTable


class ImportState(StrEnum):
    """Names of the states of an import."""

    QUEUED = "queued"
    FETCHING = "fetching"
    IMPORTED = "imported"
    FAILED = "failed"


I = ImportState  # noqa: E741 - the table reads best with one letter

FETCH_LIMIT = timedelta(minutes=25)
"""Longest that a download may take: less than after what a broker gives its message to another worker."""
IMAGE_IMPORT = StateTable.of(
    "image_import",
    [I.QUEUED],
    State(I.QUEUED, "Waits for a worker.", Nature.WORKING, (I.FETCHING, I.FAILED), timedelta(hours=6), I.FAILED),
    State(
        I.FETCHING,
        "Being downloaded and checked.",
        Nature.WORKING,
        (I.IMPORTED, I.FAILED),
        FETCH_LIMIT + timedelta(minutes=10),
        I.FAILED,
    ),
    State(I.IMPORTED, "In the catalogue of the project.", Nature.FINAL),
    State(I.FAILED, "Not imported; the reason says why.", Nature.FINAL),
)


class BookState(StrEnum):
    """Names of the states of a price book."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    DISCARDED = "discarded"


B = BookState
PRICE_BOOK = StateTable.of(
    "price_book",
    [B.DRAFT],
    State(B.DRAFT, "Being written: it sells nothing, and may be edited.", Nature.REST, (B.PUBLISHED, B.DISCARDED)),
    State(B.PUBLISHED, "Holds in its time, and is never edited.", Nature.REST, (B.WITHDRAWN,)),
    State(B.WITHDRAWN, "Taken back before its time began.", Nature.FINAL),
    State(B.DISCARDED, "Given up before it was published.", Nature.FINAL),
)
