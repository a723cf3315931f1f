"""An invoice on paper. Pure: the same invoice gives the same bytes."""

from decimal import Decimal

from portal.billing.models import Invoice, InvoiceLine
from portal.contracts.models import Contract
from portal.core.money import Money
from portal.core.paper import Column, Paper, Row
from portal.core.periods import Period

COLUMNS = (
    Column("For", 94),
    Column("GPU-hours", 24, is_number=True),
    Column("Rate", 22, is_number=True),
    Column("Amount", 30, is_number=True),
)
TO_PAY = "To pay"
CREDITS = "Credits stand with a minus. GPU-hours are rounded here; what is billed is counted by the second, in UTC."


def pdf_of(invoice: Invoice) -> bytes:
    """Return the pages of an issued invoice; its lines are prefetched."""
    made_at = invoice.issued_at or invoice.created_at
    page = Paper(
        title=f"Invoice {invoice}",
        heading=f"Invoice {invoice}",
        made_at=made_at,
        author=invoice.seller.get("name", ""),
        breaks=True,
    )
    _parties(page, invoice)
    page.gap()
    lines = [Row(_cells(line), small=_when(line)) for line in invoice.lines.all()]
    sums = [Row(("", "", label, str(amount)), is_bold=label == TO_PAY) for label, amount in _sums(invoice)]
    page.table(COLUMNS, [*lines, *sums])
    page.small(CREDITS)
    if bank := invoice.seller.get("bank"):
        page.small(f"Pay to: {bank}. Reference: {invoice}.")
    return page.content()


def _parties(page: Paper, invoice: Invoice) -> None:
    seller, buyer = invoice.seller, invoice.buyer
    facts = [
        ("From", party_text(seller)),
        ("To", party_text(buyer)),
        ("Month", f"{invoice.month:%B %Y}"),
        ("Issued", f"{invoice.issued_at:%d %b %Y}" if invoice.issued_at else "not yet: this is a draft"),
        ("Due", f"{invoice.due_at:%d %b %Y}" if invoice.due_at else ""),
        ("Your order", buyer.get("po_number", "")),
        ("Currency", invoice.currency),
    ]
    for label, value in facts:
        if value:
            page.row(label, value)


def party_text(who: dict[str, str]) -> str:
    """Return who bills or is billed, line by line."""
    tax_id = f"Tax id {who['tax_id']}" if who.get("tax_id") else ""
    parts = (who.get("name", ""), who.get("address", ""), who.get("country", ""), tax_id)
    return "\n".join(part for part in parts if part)


def _cells(line: InvoiceLine) -> tuple[str, ...]:
    hours = "" if line.gpu_hours is None else f"{line.gpu_hours:,.2f}"
    return line.label, hours, "" if line.rate is None else rate_text(line.rate), f"{line.amount:,}"


def rate_text(rate: Decimal) -> str:
    """Return a rate with two to six places, as many as it needs."""
    whole, _, places = f"{rate.normalize():f}".partition(".")
    return f"{whole}.{places.ljust(2, '0')}"


def _when(line: InvoiceLine) -> str:
    kind = f"{line.get_kind_display()} under {_contract(line.contract)}" if line.contract else line.get_kind_display()
    if line.period is None:
        return kind
    span = Period.of_range(line.period)
    return f"{kind}, {span.start:%d %b %H:%M} to {span.end:%d %b %H:%M} UTC"


def _contract(contract: Contract) -> str:
    return f"{contract.number}, order {contract.po_number}" if contract.po_number else contract.number


def _sums(invoice: Invoice) -> list[tuple[str, Money]]:
    currency = invoice.currency
    return [
        ("Subtotal", Money(invoice.subtotal, currency)),
        (f"Tax {invoice.tax_rate.normalize():f} %", Money(invoice.tax, currency)),
        (TO_PAY, invoice.to_pay),
    ]
