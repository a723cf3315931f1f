"""Payments that did not come in after all, and money that goes back: rows of their own, and the ledger follows."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from portal.billing.einvoice.documents import invoice_xml
from portal.billing.models import Entry, Invoice, Payment
from portal.billing.selectors.amounts import open_amount
from portal.billing.selectors.ledger import paid_ahead
from portal.billing.selectors.overdue import to_remind_of
from portal.billing.services.issuing import use_prepaid, void_invoice
from portal.billing.services.payments import record_payment, record_prepayment
from portal.billing.services.profiles import set_profile
from portal.billing.services.undoing import record_refund, undo_payment
from portal.billing.states import InvoiceState
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from portal.core.money import Money
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.billing import yard
from tests.billing.books import balances

pytestmark = pytest.mark.django_db
BOUNCED = "the bank took it back"


def usd(amount):
    return Money(Decimal(amount), "USD")


@pytest.fixture
def scope():
    return factories.scope()


def pay(invoice, amount="480.00", reference="bank 1"):
    return record_payment(actor=SYSTEM, invoice=invoice, amount=usd(amount), reference=reference)


def ahead(scope, amount="100.00", reference="bank 2"):
    return record_prepayment(actor=SYSTEM, organization=scope.organization, amount=usd(amount), reference=reference)


def undo(payment, reason=BOUNCED):
    return undo_payment(actor=SYSTEM, payment=payment, reason=reason)


def test_an_invoice_is_owed_again_and_paid_anew_or_void(scope):
    invoice = yard.invoice(scope)
    payment = pay(invoice)
    assert invoice.state == InvoiceState.PAID

    undo(payment)

    invoice.refresh_from_db()
    assert (invoice.state, invoice.paid_at, open_amount(invoice)) == (InvoiceState.ISSUED, None, usd("480.00"))
    assert balances(scope.organization) == {"receivable": Decimal(480), "revenue": Decimal(-480)}
    assert list(to_remind_of(invoice.due_at + timedelta(days=3))) == [invoice]
    other = yard.invoice(factories.scope())
    undo(pay(other, "1.00", reference="bank 3"))
    void_invoice(actor=SYSTEM, invoice=other, reason="wrong address")
    undo(pay(invoice, "480.00", reference="bank 1b"))
    pay(invoice, "480.00", reference="bank 1c")
    assert invoice.state == InvoiceState.PAID


def test_what_a_credit_note_put_aside_stays_aside(scope):
    invoice = yard.invoice(scope)
    payment = pay(invoice)
    yard.note(invoice, net="80.00")

    undo(payment)

    invoice.refresh_from_db()
    assert (open_amount(invoice), paid_ahead(scope.organization, "USD")) == (usd("480.00"), usd("80.00"))
    assert balances(scope.organization) == {
        "receivable": Decimal(480),
        "prepaid": Decimal(-80),
        "revenue": Decimal(-400),
    }


def test_a_payment_is_undone_once_with_a_reason_and_only_while_its_money_is_there(scope):
    payment = ahead(scope)
    for wrong in (" ", "x" * 201):
        with pytest.raises(InvalidInput):
            undo(payment, wrong)
    made = undo(payment)
    for again in (payment, made):
        with pytest.raises(StateConflict):
            undo(again)
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.create(
            organization=scope.organization, amount=-1, currency="USD", received_on=made.received_on, reference="x",
            undoes=payment, reason="twice", recorded_by="x",
        )  # fmt: skip
    used = ahead(scope, reference="bank 5")
    yard.invoice(scope)
    entries = Entry.objects.count()
    with pytest.raises(StateConflict, match=r"only USD 0.00 is left"):
        undo(used)

    assert (Entry.objects.count(), Payment.objects.filter(undoes=used).exists()) == (entries, False)


def test_what_is_paid_ahead_goes_back_up_to_what_is_left(scope):
    ahead(scope)
    for wrong in ("100.01", "0.00", "-1.00"):
        with pytest.raises(InvalidInput) as refusal:
            record_refund(actor=SYSTEM, organization=scope.organization, amount=usd(wrong), reference="out")
        assert [error.field for error in refusal.value.errors] == ["amount"]

    record_refund(actor=SYSTEM, organization=scope.organization, amount=usd("60.00"), reference="out")

    assert paid_ahead(scope.organization, "USD") == usd("40.00")
    assert balances(scope.organization) == {"prepaid": Decimal(-40), "cash": Decimal(40)}


def test_what_came_in_ahead_while_an_invoice_was_open_pays_it_when_finance_says_so(scope):
    invoice, document = yard.invoice(scope), invoice_xml
    ahead(scope, "300.00")
    assert open_amount(invoice) == usd("480.00")
    before = document(invoice)

    use_prepaid(actor=SYSTEM, invoice=invoice)
    assert (open_amount(invoice), invoice.state) == (usd("180.00"), InvoiceState.ISSUED)
    with pytest.raises(StateConflict, match="Nothing is paid ahead in USD"):
        use_prepaid(actor=SYSTEM, invoice=invoice)
    ahead(scope, "300.00", reference="bank 6")
    use_prepaid(actor=SYSTEM, invoice=invoice)
    with pytest.raises(StateConflict, match="nothing is to be paid"):
        use_prepaid(actor=SYSTEM, invoice=invoice)

    assert (invoice.state, paid_ahead(scope.organization, "USD")) == (InvoiceState.PAID, usd("120.00"))
    assert balances(scope.organization) == {
        "prepaid": Decimal(-120),
        "cash": Decimal(600),
        "revenue": Decimal(-480),
    }
    # The document says what was paid ahead when it was issued.
    assert document(invoice) == before


def test_a_void_invoice_gives_back_what_paid_it_then_and_later(scope):
    ahead(scope, "100.00")
    invoice = yard.invoice(scope)
    ahead(scope, "50.00", reference="bank 7")
    use_prepaid(actor=SYSTEM, invoice=invoice)
    assert open_amount(invoice) == usd("330.00")

    void_invoice(actor=SYSTEM, invoice=invoice, reason="wrong address")

    assert balances(scope.organization) == {"prepaid": Decimal(-150), "cash": Decimal(150)}


def test_who_is_marked_as_paying_ahead_pays_its_open_invoices_by_it_the_oldest_first(scope):
    set_profile(actor=SYSTEM, organization=scope.organization, is_prepaid=True)
    first, euros = yard.invoice(scope), yard.invoice(scope, currency="EUR")
    ahead(scope, "500.00")

    first.refresh_from_db()
    euros.refresh_from_db()
    assert (first.state, euros.state) == (InvoiceState.PAID, InvoiceState.ISSUED)
    assert paid_ahead(scope.organization, "USD") == usd("20.00")


def test_finance_does_both_on_its_pages(scope):
    finance, sales = staff.browser(StaffRole.FINANCE), staff.browser(StaffRole.SALES)
    invoice = yard.invoice(scope)
    payment = pay(invoice)
    assert sales.post(staff.act_of(payment, "undo"), {"reason": BOUNCED}).status_code == 403
    finance.post(staff.act_of(payment, "undo"), {**staff.chosen(payment), "reason": BOUNCED})
    ahead(scope)
    form = {"amount": "100.00", "reference": "bank 9"}
    finance.post(staff.act_of(scope.organization, "paid_back"), form)

    assert BOUNCED in finance.get(staff.page_of(invoice)).content.decode()
    assert "act/undo/" not in finance.get(staff.page_of(payment)).content.decode()
    assert (Invoice.objects.get().state, paid_ahead(scope.organization, "USD")) == ("issued", usd("0.00"))
