"""Documents by EN 16931: sums by its rules, read back by a reader of their own, and what is refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from drafthorse.models.document import Document
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from portal.billing.einvoice.bill import Unit
from portal.billing.einvoice.categories import category_of
from portal.billing.einvoice.cii import written
from portal.billing.einvoice.codes import countries
from portal.billing.einvoice.documents import invoice_bill, invoice_xml, note_xml
from portal.billing.einvoice.items import CLOSE
from portal.billing.einvoice.parties import Party
from portal.billing.models import Invoice, InvoiceLine, LineKind
from portal.billing.services.credits import grant_credit
from portal.billing.services.issuing import void_invoice
from portal.billing.services.payments import record_payment, record_prepayment
from portal.billing.services.profiles import set_profile
from portal.billing.taxing import sums_of, taken
from portal.core.actors import SYSTEM
from portal.core.errors import EInvoiceImpossible, StateConflict
from portal.core.money import Money, round_money
from portal.core.months import span_of
from tests import factories
from tests.billing import yard

NOTHING = Decimal(0)
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
SUMS = f"{RAM}SpecifiedTradeSettlementHeaderMonetarySummation"
SELLER = Party.of(yard.SELLER)


def all_of(root, *path):
    """Return the elements at a path of names, wherever it begins."""
    return root.findall(".//" + "/".join(f"{RAM}{name}" for name in path))


def texts(root, *path):
    return [node.text for node in all_of(root, *path)]


def one(root, *path):
    (found,) = texts(root, *path)
    return found


def numbers(root, *path):
    return [Decimal(text) for text in texts(root, *path)]


def check(content):
    """Hold a document against the rules of EN 16931 about sums; return its root."""
    root = etree.fromstring(content)
    lines = numbers(root, "SpecifiedTradeSettlementLineMonetarySummation", "LineTotalAmount")
    off = numbers(root, "SpecifiedTradeAllowanceCharge", "ActualAmount")
    (sums,) = root.iter(SUMS)
    total = {node.tag.removeprefix(RAM): Decimal(node.text) for node in sums}
    (breakdown,) = all_of(root, "ApplicableHeaderTradeSettlement", "ApplicableTradeTax")
    rate = sum(numbers(breakdown, "RateApplicablePercent"), NOTHING)

    assert total["LineTotalAmount"] == sum(lines)  # BR-CO-10
    assert total["AllowanceTotalAmount"] == sum(off)  # BR-CO-11
    assert total["ChargeTotalAmount"] == 0  # BR-CO-12
    assert total["TaxBasisTotalAmount"] == total["LineTotalAmount"] - total["AllowanceTotalAmount"]  # BR-CO-13
    assert numbers(breakdown, "BasisAmount") == [total["TaxBasisTotalAmount"]]  # BR-S-08 and its like
    assert numbers(breakdown, "CalculatedAmount") == [total["TaxTotalAmount"]]  # BR-CO-14
    assert total["GrandTotalAmount"] == total["TaxBasisTotalAmount"] + total["TaxTotalAmount"]  # BR-CO-15
    assert total["DuePayableAmount"] == total["GrandTotalAmount"] - total["TotalPrepaidAmount"]  # BR-CO-16
    assert abs(total["TaxTotalAmount"] - total["TaxBasisTotalAmount"] * rate / 100) < 1  # BR-CO-17
    assert all(amount > 0 for amount in off)
    assert all(price >= 0 for price in numbers(root, "NetPriceProductTradePrice", "ChargeAmount"))  # BR-27
    assert all(-int(each.as_tuple().exponent) <= 2 for each in (*lines, *off, *total.values()))  # BR-DEC
    assert len(set(texts(root, "ApplicableTradeTax", "CategoryCode"))) == 1
    quantities = numbers(root, "SpecifiedLineTradeDelivery", "BilledQuantity")
    prices = numbers(root, "NetPriceProductTradePrice", "ChargeAmount")
    for quantity, price, amount in zip(quantities, prices, lines, strict=True):
        assert abs(quantity * price - amount) <= CLOSE
    return root


def due_of(root):
    return Decimal(one(root, "SpecifiedTradeSettlementHeaderMonetarySummation", "DuePayableAmount"))


@st.composite
def invoices(draw):
    """Return an invoice that no database has seen, as drafting would write it, and how much of it was paid ahead."""
    currency = draw(st.sampled_from(("EUR", "USD", "JPY")))
    cents = st.integers(0, 10**10).map(lambda number: round_money(Decimal(number).scaleb(-2), currency))
    lines = []
    for _ in range(draw(st.integers(1, 8))):
        if draw(st.booleans()):
            hours = Decimal(draw(st.integers(1, 10**12))).scaleb(-6)
            rate = Decimal(draw(st.integers(1, 10**8))).scaleb(-6)
            amount = max(round_money(hours * rate, currency) + draw(st.sampled_from((-1, 0, 0, 1))), NOTHING)
            kind = draw(st.sampled_from((LineKind.COMMITTED, LineKind.ON_DEMAND, LineKind.OVERFLOW)))
            lines.append(InvoiceLine(kind=kind, gpu_hours=hours, rate=rate, amount=amount))
        else:
            lines.append(InvoiceLine(kind=LineKind.FEE, amount=draw(cents)))
    corrections = taken(draw(st.lists(cents, max_size=2)), sum(line.amount for line in lines))
    lines += [InvoiceLine(kind=LineKind.CORRECTION, amount=-part) for part in corrections if part]
    credits = taken(draw(st.lists(cents, max_size=2)), sum(line.amount for line in lines))
    lines += [InvoiceLine(kind=LineKind.CREDIT, amount=-part) for part in credits if part]
    for line in lines:
        line.label = draw(st.text(min_size=1, max_size=12)).replace(" ", "") or "x"
    rate = draw(st.sampled_from(("0", "5.5", "19", "25", "7.77"))) if draw(st.booleans()) else "0"
    sums = sums_of([line.amount for line in lines], Decimal(rate), currency)
    made = Invoice(
        pk=1,
        month=yard.JANUARY,
        currency=currency,
        state="issued",
        number="INV-000007",
        subtotal=sums.subtotal,
        tax_rate=Decimal(rate),
        tax=sums.tax,
        total=sums.total,
        seller=yard.SELLER,
        buyer={"name": "Lumen", "country": draw(st.sampled_from(("DE", "US"))), "tax_id": "DE811569869"},
        issued_at=datetime(2031, 2, 1, 2, tzinfo=UTC),
        due_at=datetime(2031, 3, 3, 2, tzinfo=UTC),
    )
    made._prefetched_objects_cache = {"lines": lines}
    share = Decimal(draw(st.integers(0, 100))).scaleb(-2)
    return made, round_money(made.total * share, currency)


@settings(max_examples=25, deadline=None)
@given(invoices())
def test_sums_hold_whatever_is_on_an_invoice(drawn):
    made, prepaid = drawn

    root = check(written(invoice_bill(made, prepaid)))

    (sums,) = root.iter(SUMS)
    total = {node.tag.removeprefix(RAM): Decimal(node.text) for node in sums}
    assert total["TaxBasisTotalAmount"] == made.subtotal
    assert total["TaxTotalAmount"] == made.tax
    assert total["GrandTotalAmount"] == made.total
    assert total["DuePayableAmount"] == made.total - prepaid
    charged = [line.amount for line in made.lines.all() if line.kind != LineKind.CREDIT]
    assert numbers(root, "SpecifiedTradeSettlementLineMonetarySummation", "LineTotalAmount") == charged


@pytest.fixture
def buyer(db):
    factories.servers(2)
    return factories.buyer()


@pytest.fixture
def taxed(buyer, settings):
    """Return an invoice of a month of usage with tax, of which a part is credited and a part was paid ahead."""
    settings.METALYARD_SELLER = {**yard.SELLER, "bank": "SEB, SE45 5000 0000 0583 9825 7466"}
    buyer.organization.refresh_from_db()
    how = {"legal_name": "Lumen AB", "address": "Kajen 4", "country": "SE", "tax_id": "SE556123456701"}
    set_profile(actor=SYSTEM, organization=buyer.organization, tax_rate=Decimal(25), po_number="PO-7", **how)
    given = {"label": "January was late", "reference": "ticket 7", "month": yard.JANUARY}
    with yard.clock_at(yard.MID_JANUARY - timedelta(days=2)):
        made = yard.begun(buyer, yard.MID_JANUARY, days=2, count=2)
        grant_credit(actor=SYSTEM, organization=buyer.organization, amount=Money(Decimal("100"), "USD"), **given)
        paid = {"organization": buyer.organization, "amount": Money(Decimal("75"), "USD"), "reference": "bank 1"}
        record_prepayment(actor=SYSTEM, **paid)
        yard.run_out(made)
        yard.close(buyer.organization, yard.JANUARY)
    return buyer.organization.invoices.get()


def test_what_stands_in_an_invoice(taxed):
    root = check(invoice_xml(taxed))

    assert texts(root, "GuidelineSpecifiedDocumentContextParameter", "ID") == ["urn:cen.eu:en16931:2017"]
    assert numbers(root, "SpecifiedTradeAllowanceCharge", "ActualAmount") == [Decimal(100)]
    assert one(root, "SpecifiedTradeAllowanceCharge", "Reason") == "Credit: January was late"
    (quantity,) = all_of(root, "BilledQuantity")
    assert (quantity.get("unitCode"), Decimal(quantity.text)) == (Unit.HOUR, 768)
    assert one(root, "NetPriceProductTradePrice", "ChargeAmount") == "2.50"
    assert set(texts(root, "CategoryCode")) == {"S"}
    assert numbers(root, "TaxTotalAmount") == [Decimal("455.00")]
    assert one(root, "GrandTotalAmount") == str(taxed.total) == "2275.00"
    assert one(root, "TotalPrepaidAmount") == "75.00"
    assert one(root, "BuyerOrderReferencedDocument", "IssuerAssignedID") == "PO-7"
    assert texts(root, "SpecifiedTaxRegistration", "ID") == ["SE556677889901", "SE556123456701"]
    assert "SE45 5000" in one(root, "SpecifiedTradePaymentTerms", "Description")
    days = root.xpath("//*[local-name()='DateTimeString']/text()")
    assert days == ["20310201", "20310120", "20310122", "20310101", "20310131", "20310303"]


def test_another_reader_understands_it(taxed):
    read = Document.parse(invoice_xml(taxed))

    assert str(read.header.id) == taxed.number
    assert read.trade.settlement.monetary_summation.due_amount._value == Decimal("2200.00")


def test_later_payments_do_not_change_it(taxed):
    before = invoice_xml(taxed)

    record_payment(actor=SYSTEM, invoice=taxed, amount=Money(Decimal("200"), "USD"), reference="bank 2")
    taxed.refresh_from_db()

    assert invoice_xml(taxed) == before


def test_a_credit_note_names_its_invoice(taxed):
    note = yard.note(taxed, "33.33", reason="Counted twice")

    root = check(note_xml(note))

    assert one(root, "InvoiceReferencedDocument", "IssuerAssignedID") == taxed.number
    assert one(root, "SpecifiedTradeProduct", "Name") == "Counted twice"
    assert due_of(root) == note.total == Decimal("41.66")
    assert root.xpath("//*[local-name()='ExchangedDocument']/*[local-name()='TypeCode']/text()") == ["381"]


def test_the_last_credit_note_takes_what_tax_is_left(taxed):
    for net in ("0.02", "0.02", "1819.96"):
        check(note_xml(yard.note(taxed, net)))


@pytest.mark.parametrize(
    ("buyer", "rate", "code"),
    [
        ({"country": "SE", "tax_id": "SE556123456701"}, 25, "S"),
        ({"country": "US"}, 8, "S"),
        ({"country": "DE", "tax_id": "DE 811 569 869"}, 0, "AE"),
        ({"country": "GR", "tax_id": "EL123456789"}, 0, "AE"),
        ({"country": "US", "tax_id": "88-1234567"}, 0, "O"),
        ({"country": "NO"}, 0, "O"),
        ({"country": "DE"}, 0, None),
        ({"country": "DE", "tax_id": "811569869"}, 0, None),
        ({"country": "SE", "tax_id": "SE556123456701"}, 0, None),
    ],
)
def test_why_there_is_no_tax(buyer, rate, code):
    found = category_of(SELLER, Party.of(buyer), Decimal(rate))

    assert (found.code if found else None) == code


def test_numbers_for_tax_stand_where_the_norm_lets_them(scope_invoice):
    abroad = {**scope_invoice.buyer, "country": "US", "tax_id": "88-1234567"}
    scope_invoice.buyer = abroad
    outside = check(invoice_xml(scope_invoice))
    scope_invoice.seller = {**yard.SELLER, "tax_id": "5566-7788"}
    scope_invoice.buyer = {**abroad, "country": "FR", "tax_id": "FR12345678901"}
    reverse = check(invoice_xml(scope_invoice))

    assert all_of(outside, "SpecifiedTaxRegistration") == []  # BR-O-02
    assert all_of(outside, "RateApplicablePercent") == []  # BR-O-05
    assert texts(outside, "SellerTradeParty", "ID") == ["SE556677889901"]  # BR-CO-26
    assert one(outside, "ExemptionReasonCode") == "VATEX-EU-O"
    assert texts(reverse, "SpecifiedTaxRegistration", "ID") == ["5566-7788", "FR12345678901"]  # BR-AE-02
    assert all_of(reverse, "SpecifiedTaxRegistration", "ID")[0].get("schemeID") == "FC"


@pytest.fixture
def scope_invoice(buyer):
    return yard.invoice(buyer)


@pytest.mark.parametrize(
    ("side", "change", "fields"),
    [
        ("seller", {"country": ""}, ["seller.country"]),
        ("seller", {"tax_id": ""}, ["seller.tax_id"]),
        ("buyer", {"country": "XX", "name": " "}, ["buyer.name", "buyer.country"]),
        ("buyer", {"tax_id": ""}, ["tax_rate"]),
        ("buyer", {"country": "SE"}, ["tax_rate"]),
    ],
)
def test_what_is_lacking_is_said(scope_invoice, side, change, fields):
    setattr(scope_invoice, side, {**getattr(scope_invoice, side), **change})

    with pytest.raises(EInvoiceImpossible) as refusal:
        invoice_xml(scope_invoice)

    assert [error.field for error in refusal.value.errors] == fields


def test_sums_that_the_norm_does_not_know_are_no_document(scope_invoice):
    scope_invoice.tax = Decimal(2)

    with pytest.raises(EInvoiceImpossible, match="do not add up"):
        invoice_xml(scope_invoice)


def test_drafts_and_void_invoices_are_nothing_to_enter(buyer, scope_invoice):
    void_invoice(actor=SYSTEM, invoice=scope_invoice, reason="twice")

    for row in (scope_invoice, yard.invoice(buyer, is_issued=False)):
        with pytest.raises(StateConflict, match="nothing to enter"):
            invoice_xml(row)


def test_what_xml_cannot_hold_is_left_out(scope_invoice):
    scope_invoice.buyer = {**scope_invoice.buyer, "name": "A\x00B & <C>", "address": "\n".join("abcde")}

    root = check(invoice_xml(scope_invoice))

    assert texts(root, "BuyerTradeParty", "Name") == ["A B & <C>"]
    assert one(root, "BuyerTradeParty", "PostalTradeAddress", "LineThree") == "c, d, e"


def test_a_correction_takes_off_by_its_quantity(scope_invoice):
    row = InvoiceLine(kind=LineKind.CORRECTION, label="Correction", amount=Decimal("-80.00"))
    row.period = span_of(yard.JANUARY).as_range()
    scope_invoice._prefetched_objects_cache = {"lines": [*scope_invoice.lines.all(), row]}
    scope_invoice.subtotal -= 80

    root = check(invoice_xml(scope_invoice))

    assert numbers(root, "BilledQuantity") == [1, -1]
    assert numbers(root, "NetPriceProductTradePrice", "ChargeAmount") == [480, 80]


def test_the_list_of_countries_is_the_one_that_is_meant():
    assert {"SE", "US", "GR"} <= countries()
    assert not {"XX", "EL", "EU"} & countries()
