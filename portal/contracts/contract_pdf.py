"""A contract on paper: pure, and the same facts give the same bytes."""

from portal.contracts.paperwork import Facts
from portal.core.paper import Column, Paper, Row

DRAFT = "DRAFT"
COLUMNS = (
    Column("Servers", 52),
    Column("Region", 26),
    Column("From", 20),
    Column("Until", 20),
    Column("GPU-hour", 17, is_number=True),
    Column("Discount", 15, is_number=True),
    Column("Total", 20, is_number=True),
)
SIGN_HERE = ("Name", "Title", "Date", "Signature")
LINE = "." * 60
NOTE = (
    "Periods are in UTC and half-open: the first instant belongs to them, the last does not. Prices are in the "
    "currency of the total, without taxes."
)


def pdf_of(facts: Facts) -> bytes:
    """Return the document; one that was not sent yet says across each page that it is a draft."""
    page = Paper(
        title=f"Contract {facts.number}",
        heading=f"Contract {facts.number}",
        made_at=facts.made_at,
        author=facts.supplier,
        breaks=True,
        mark=DRAFT if facts.is_draft else "",
    )
    page.text(facts.title)
    _rows(page, "Parties and term", facts.head)
    page.heading("Servers and prices")
    page.table(COLUMNS, [Row(cells) for cells in facts.lines])
    _rows(page, "Money", facts.money)
    _rows(page, "Service levels", facts.levels)
    _rows(page, "Clauses", facts.clauses)
    page.heading("Terms")
    for number, words in enumerate(facts.paragraphs, 1):
        page.text(f"{number}. {words}")
    _rows(page, f"For {facts.supplier}", [("Prepared by", facts.author)])
    _rows(page, "For the customer", [(label, LINE) for label in SIGN_HERE])
    page.small(NOTE)
    return page.content()


def _rows(page: Paper, heading: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        page.heading(heading)
        for label, value in rows:
            page.row(label, value)
