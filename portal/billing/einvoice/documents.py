"""The documents of stored invoices and credit notes, or why there is none."""

from datetime import timedelta
from decimal import Decimal

from portal.billing.einvoice.bill import Bill, BillKind, Days, Item, Unit
from portal.billing.einvoice.categories import Category, category_of
from portal.billing.einvoice.cii import written
from portal.billing.einvoice.items import allowance_of, is_credit, item_of
from portal.billing.einvoice.parties import Party
from portal.billing.models import CreditNote, Invoice
from portal.billing.note_pdf import WHAT_FOLLOWS
from portal.billing.selectors.amounts import prepaid_at_issue
from portal.billing.states import InvoiceState
from portal.core.errors import EInvoiceImpossible, FieldError, StateConflict
from portal.core.months import next_month

ONE = Decimal(1)
ODD_TAX = Decimal(1)
"""Tax that differs by this much from its rate is refused by programs that check documents (BR-CO-17)."""
NO_REASON = "No tax is charged, and it is not known why: set the customer's rate, or its country and VAT number."


def invoice_xml(invoice: Invoice) -> bytes:
    """Return an issued invoice, whose lines are prefetched; the same bytes each time.

    Raises StateConflict for a draft and for one that is void, and EInvoiceImpossible where something is not known.
    """
    return written(invoice_bill(invoice, prepaid_at_issue(invoice)))


def note_xml(note: CreditNote) -> bytes:
    """Return a credit note. Raises EInvoiceImpossible where something is not known."""
    return written(note_bill(note))


def invoice_bill(invoice: Invoice, prepaid: Decimal) -> Bill:
    """Return what stands in an invoice's document, when so much was ``prepaid``. Raises as ``invoice_xml`` does."""
    if invoice.number is None or invoice.issued_at is None or invoice.state == InvoiceState.VOID:
        raise StateConflict(f"{invoice} is {invoice.state}: there is nothing to enter.", extra={"state": invoice.state})
    seller, buyer, category = _parties(invoice)
    lines = list(invoice.lines.all())
    contracts = {line.contract.number for line in lines if line.contract}
    bank = invoice.seller.get("bank", "")
    bill = Bill(
        kind=BillKind.INVOICE,
        number=invoice.number,
        issued_on=invoice.issued_at.date(),
        due_on=invoice.due_at.date() if invoice.due_at else None,
        terms=f"Pay to: {bank}. Reference: {invoice}." if bank else f"Reference: {invoice}.",
        days=Days(invoice.month, next_month(invoice.month) - timedelta(days=1)),
        currency=invoice.currency,
        seller=seller,
        buyer=buyer,
        category=category,
        items=tuple(item_of(line) for line in lines if not is_credit(line)),
        allowances=tuple(allowance_of(line) for line in lines if is_credit(line)),
        tax=invoice.tax,
        prepaid=prepaid,
        order=invoice.buyer.get("po_number", ""),
        contract=contracts.pop() if len(contracts) == 1 else "",
    )
    return _adding_up(bill, invoice.subtotal)


def note_bill(note: CreditNote) -> Bill:
    """Return what stands in a credit note's document. Raises as ``note_xml`` does."""
    invoice = note.invoice
    seller, buyer, category = _parties(invoice)
    bill = Bill(
        kind=BillKind.CREDIT_NOTE,
        number=note.number,
        issued_on=note.issued_at.date(),
        due_on=None,
        terms=WHAT_FOLLOWS,
        days=None,
        currency=invoice.currency,
        seller=seller,
        buyer=buyer,
        category=category,
        items=(Item(note.reason, f"Of invoice {invoice}", ONE, Unit.ONE, note.net, note.net),),
        tax=note.tax,
        of_invoice=(str(invoice), invoice.issued_at.date()) if invoice.issued_at else None,
    )
    return _adding_up(bill, note.net)


def _parties(invoice: Invoice) -> tuple[Party, Party, Category]:
    seller, buyer = Party.of(invoice.seller), Party.of(invoice.buyer)
    category = category_of(seller, buyer, invoice.tax_rate)
    lacking = [*seller.lacks("seller", needs_tax_id=True), *buyer.lacks("buyer", needs_tax_id=False)]
    if category is None and not lacking:
        lacking.append(FieldError("tax_rate", "no_reason", NO_REASON))
    if lacking or category is None:
        raise _impossible(invoice, lacking)
    return seller, buyer, category


def _adding_up(bill: Bill, net: Decimal) -> Bill:
    rate = bill.category.rate or Decimal(0)
    if not bill.items or bill.basis != net or abs(bill.tax - net * rate.scaleb(-2)) >= ODD_TAX:
        raise _impossible(
            bill.number, [FieldError("lines", "odd_sums", "Its lines and tax do not add up by the norm.")]
        )
    return bill


def _impossible(what: object, lacking: list[FieldError]) -> EInvoiceImpossible:
    words = " ".join(each.detail for each in lacking)
    return EInvoiceImpossible(
        f"{what} cannot be written by EN 16931. {words} What stands on an invoice stays: the next ones follow what is "
        "set by then. The PDF holds.",
        errors=lacking,
    )
