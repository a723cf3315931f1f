"""A credit note on paper. Pure: the same credit note gives the same bytes."""

from portal.billing.invoice_pdf import party_text
from portal.billing.models import CreditNote
from portal.core.money import Money
from portal.core.paper import Column, Paper, Row

COLUMNS = (Column("For", 130), Column("Amount", 40, is_number=True))
WHAT_FOLLOWS = "It is taken off what is owed on that invoice; what was paid of it is paid ahead."


def note_pdf_of(note: CreditNote) -> bytes:
    """Return the page of a credit note."""
    invoice = note.invoice
    page = Paper(
        title=f"Credit note {note}",
        heading=f"Credit note {note}",
        made_at=note.issued_at,
        author=invoice.seller.get("name", ""),
        breaks=True,
    )
    facts = [
        ("From", party_text(invoice.seller)),
        ("To", party_text(invoice.buyer)),
        ("Of invoice", f"{invoice}, {invoice.month:%B %Y}"),
        ("Issued", f"{note.issued_at:%d %b %Y}"),
        ("Your order", invoice.buyer.get("po_number", "")),
        ("Currency", invoice.currency),
    ]
    for label, value in facts:
        if value:
            page.row(label, value)
    page.gap()
    rows = [
        Row((note.reason, str(Money(note.net, invoice.currency)))),
        Row((f"Tax {invoice.tax_rate.normalize():f} %", str(Money(note.tax, invoice.currency)))),
        Row(("Taken back", str(note.value)), is_bold=True),
    ]
    page.table(COLUMNS, rows)
    page.small(f"{note.reason}. {WHAT_FOLLOWS}")
    return page.content()
