"""A document in the syntax UN/CEFACT Cross Industry Invoice (D16B), checked against the schema. Pure."""

import re
from decimal import Decimal

from drafthorse.models.accounting import (
    ApplicableTradeTax,
    BillingSpecifiedPeriod,
    CategoryTradeTax,
    TradeAllowanceCharge,
)
from drafthorse.models.document import Document
from drafthorse.models.party import TaxRegistration, TradeParty
from drafthorse.models.payment import PaymentTerms
from drafthorse.models.tradelines import LineItem

from portal.billing.einvoice.bill import Allowance, Bill, Days, Item
from portal.billing.einvoice.categories import Category
from portal.billing.einvoice.parties import Party

GUIDELINE = "urn:cen.eu:en16931:2017"
SCHEMA = "FACTUR-X_EN16931"
NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
VAT, VAT_NUMBER, OTHER_TAX_NUMBER = "VAT", "VA", "FC"


def written(bill: Bill) -> bytes:
    """Return the file. Raises lxml's XMLSyntaxError where the schema does not allow it, which is a mistake of ours."""
    document = Document()
    document.context.guideline_parameter.id = GUIDELINE
    document.header.id = bill.number
    document.header.type_code = bill.kind.value
    document.header.issue_date_time = bill.issued_on
    for number, item in enumerate(bill.items, 1):
        document.trade.items.add(_line(number, item, bill.category))
    _agree(document, bill)
    _settle(document, bill)
    content: bytes = document.serialize(schema=SCHEMA)
    return content


def _agree(document: Document, bill: Bill) -> None:
    agreement, is_vat_named = document.trade.agreement, bill.category.rate is not None
    _party(agreement.seller, bill.seller, is_vat_named=is_vat_named)
    _party(agreement.buyer, bill.buyer, is_vat_named=is_vat_named)
    if bill.seller.tax_id and is_vat_named and not bill.seller.vat_id:
        agreement.seller.tax_registrations.add(_registration(OTHER_TAX_NUMBER, bill.seller.tax_id))
    if bill.order:
        agreement.buyer_order.issuer_assigned_id = _plain(bill.order)
    if bill.contract:
        agreement.contract.issuer_assigned_id = _plain(bill.contract)


def _party(node: TradeParty, party: Party, *, is_vat_named: bool) -> None:
    """Write a party; a tax id that may not stand as a VAT number stands as its identifier."""
    node.name = _plain(party.name)
    names = ("line_one", "line_two", "line_three")
    for name, line in zip(names, party.lines, strict=False):
        setattr(node.address, name, _plain(line))
    node.address.country_id = party.country
    if is_vat_named and party.vat_id:
        node.tax_registrations.add(_registration(VAT_NUMBER, party.vat_id))
    elif party.tax_id:
        node.id = _plain(party.tax_id)


def _registration(scheme: str, number: str) -> TaxRegistration:
    node = TaxRegistration()
    node.id = (scheme, _plain(number))
    return node


def _line(number: int, item: Item, category: Category) -> LineItem:
    node = LineItem()
    node.document.line_id = str(number)
    node.product.name = _plain(item.name)
    node.product.description = _plain(item.about)
    node.agreement.net.amount = _exact(item.price)
    node.delivery.billed_quantity = (_exact(item.quantity), item.unit.value)
    _tax(node.settlement.trade_tax, category)
    _period(node.settlement.period, item.days)
    node.settlement.monetary_summation.total_amount = _exact(item.amount)
    return node


def _settle(document: Document, bill: Bill) -> None:
    settlement = document.trade.settlement
    settlement.payment_reference = bill.number
    settlement.currency_code = bill.currency
    breakdown = ApplicableTradeTax()
    _tax(breakdown, bill.category)
    breakdown.basis_amount = _exact(bill.basis)
    breakdown.calculated_amount = _exact(bill.tax)
    if bill.category.reason:
        breakdown.exemption_reason = bill.category.reason
        breakdown.exemption_reason_code = bill.category.reason_code
    settlement.trade_tax.add(breakdown)
    _period(settlement.period, bill.days)
    for allowance in bill.allowances:
        settlement.allowance_charge.add(_allowance(allowance, bill.category))
    terms = PaymentTerms()
    terms.description = _plain(bill.terms)
    if bill.due_on:
        terms.due = bill.due_on
    settlement.terms.add(terms)
    sums = settlement.monetary_summation
    sums.line_total = _exact(bill.line_total)
    sums.charge_total = _exact(Decimal(0))
    sums.allowance_total = _exact(bill.allowance_total)
    sums.tax_basis_total = _exact(bill.basis)
    sums.tax_total = (_exact(bill.tax), bill.currency)
    sums.grand_total = _exact(bill.total)
    sums.prepaid_total = _exact(bill.prepaid)
    sums.due_amount = _exact(bill.due)
    if bill.of_invoice:
        number, issued_on = bill.of_invoice
        settlement.invoice_referenced_document.issuer_assigned_id = number
        settlement.invoice_referenced_document.issue_date_time = issued_on


def _tax(node: ApplicableTradeTax | CategoryTradeTax, category: Category) -> None:
    node.type_code = VAT
    node.category_code = category.code
    if category.rate is not None:
        node.rate_applicable_percent = _exact(category.rate)


def _allowance(allowance: Allowance, category: Category) -> TradeAllowanceCharge:
    node = TradeAllowanceCharge()
    node.indicator = False
    node.actual_amount = _exact(allowance.amount)
    node.reason = _plain(allowance.reason)
    tax = CategoryTradeTax()
    _tax(tax, category)
    node.trade_tax.add(tax)
    return node


def _period(node: BillingSpecifiedPeriod, days: Days | None) -> None:
    if days is not None:
        node.start, node.end = days.first, days.last


def _exact(amount: Decimal) -> Decimal:
    """Return a number that is written without an exponent, with two places or as many as it needs."""
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return amount.quantize(Decimal(1).scaleb(-places))


def _plain(words: str) -> str:
    """Return text without what XML cannot hold."""
    return NOT_IN_XML.sub(" ", words)
