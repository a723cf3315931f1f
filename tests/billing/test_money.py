"""Credits, payments, credit notes and voids: what they do to invoices and to the ledger."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from portal.billing.models import CreditNote, Invoice, LineKind, Payment
from portal.billing.selectors.amounts import credits_left, open_amount
from portal.billing.selectors.ledger import paid_ahead, unbalanced
from portal.billing.services.credits import grant_credit
from portal.billing.services.issuing import issue_invoice, void_invoice
from portal.billing.services.notes import issue_credit_note
from portal.billing.services.payments import record_payment, record_prepayment
from portal.billing.services.profiles import set_profile
from portal.billing.states import InvoiceState
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from portal.core.money import Money
from portal.tenancy.roles import Role
from tests import factories
from tests.billing.books import balances, execute, refused
from tests.billing.yard import FEBRUARY, JANUARY, MID_JANUARY, begun, clock_at, close

pytestmark = pytest.mark.django_db
NET, TOTAL = Decimal(480), Decimal("571.20")
"""Of a day of a server, and with the tax of 19 %."""


@pytest.fixture(autouse=True)
def year():
    with clock_at(MID_JANUARY - timedelta(days=2)):
        yield


@pytest.fixture
def scope():
    factories.servers(2)
    who = factories.buyer()
    set_profile(actor=SYSTEM, organization=who.organization, tax_rate=Decimal(19), po_number="PO-7")
    return who


@pytest.fixture
def billed(scope):
    """Return what closes January with a day of a server."""
    begun(scope, MID_JANUARY, days=1)
    return lambda: close(scope.organization, JANUARY)[0]


def usd(amount):
    return Money(Decimal(amount), "USD")


def credit(scope, amount, reference="out_1"):
    return grant_credit(
        actor=SYSTEM,
        organization=scope.organization,
        amount=usd(amount),
        label="Availability below 99.9 %",
        reference=reference,
        month=JANUARY,
    )


def test_an_issued_invoice_is_owed(scope, billed):
    invoice = billed()

    assert (invoice.state, invoice.total, invoice.buyer["po_number"]) == (InvoiceState.ISSUED, TOTAL, "PO-7")
    assert balances(scope.organization) == {"receivable": TOTAL, "revenue": -NET, "tax": NET - TOTAL}


def test_a_credit_is_taken_off_the_next_invoice_and_lasts(scope, billed):
    grant = credit(scope, "500")

    invoice = billed()

    assert (invoice.subtotal, invoice.state) == (0, InvoiceState.PAID)
    assert [line.amount for line in invoice.lines.filter(kind=LineKind.CREDIT)] == [-NET]
    assert credits_left(scope.organization, "USD") == [(grant, Decimal(20))]
    assert balances(scope.organization) == {
        "receivable": Decimal(-20),
        "revenue": -NET,
        "credits": Decimal(500),
    }
    with pytest.raises(StateConflict, match="granted already"):
        credit(scope, "1")


@pytest.mark.parametrize("amount", ["0", "-1"])
def test_nobody_is_credited_nothing(scope, amount):
    with pytest.raises(InvalidInput):
        credit(scope, amount)

    assert balances(scope.organization) == {}


def test_the_last_payment_makes_it_paid(scope, billed):
    invoice = billed()

    record_payment(actor=SYSTEM, invoice=invoice, amount=usd(500), reference="b1")
    assert (invoice.state, open_amount(invoice)) == (InvoiceState.ISSUED, usd("71.20"))
    for wrong, code in ((usd("71.21"), "too_much"), (Money(Decimal(1), "EUR"), "other_currency"), (usd(0), "not_p")):
        with pytest.raises(InvalidInput) as refusal:
            record_payment(actor=SYSTEM, invoice=invoice, amount=wrong, reference="b2")
        assert refusal.value.errors[0].code.startswith(code)
    with pytest.raises(InvalidInput, match="recorded already"):
        record_payment(actor=SYSTEM, invoice=invoice, amount=usd("71.20"), reference="b1")
    record_payment(actor=SYSTEM, invoice=invoice, amount=usd("71.20"), reference="b2")

    assert (invoice.state, Payment.objects.count()) == (InvoiceState.PAID, 2)
    assert invoice.paid_at is not None
    assert balances(scope.organization)["cash"] == TOTAL
    with pytest.raises(StateConflict):
        record_payment(actor=SYSTEM, invoice=invoice, amount=usd(1), reference="b3")


def test_what_is_paid_ahead_pays_invoices(scope, billed):
    record_prepayment(actor=SYSTEM, organization=scope.organization, amount=usd(600), reference="b1")

    invoice = billed()

    assert invoice.state == InvoiceState.PAID
    assert paid_ahead(scope.organization, "USD") == usd("28.80")


def test_part_of_it_is_paid_ahead(scope, billed):
    record_prepayment(actor=SYSTEM, organization=scope.organization, amount=usd(100), reference="b1")

    invoice = billed()

    assert (invoice.state, open_amount(invoice)) == (InvoiceState.ISSUED, usd("471.20"))


def test_a_credit_note_takes_back_with_its_tax(scope, billed):
    invoice = billed()
    record_payment(actor=SYSTEM, invoice=invoice, amount=usd(500), reference="b1")

    note = issue_credit_note(actor=SYSTEM, invoice=invoice, net=usd(100), reason="Late hand-over")

    assert (note.number, note.tax, note.total) == ("CRN-000001", Decimal(19), Decimal(119))
    # 71.20 were open; what was paid of the rest is the customer's.
    assert (invoice.state, paid_ahead(scope.organization, "USD")) == (InvoiceState.PAID, usd("47.80"))
    with pytest.raises(InvalidInput, match="is left to take back"):
        issue_credit_note(actor=SYSTEM, invoice=invoice, net=usd("380.01"), reason="More")
    rest = issue_credit_note(actor=SYSTEM, invoice=invoice, net=usd(380), reason="All of it")
    assert note.total + rest.total == TOTAL
    assert CreditNote.objects.count() == 2
    assert unbalanced() == {}


def test_a_void_invoice_counts_for_nothing_and_the_month_can_be_billed_anew(scope, billed):
    credit(scope, "30")
    record_prepayment(actor=SYSTEM, organization=scope.organization, amount=usd(100), reference="b1")
    invoice = billed()

    void_invoice(actor=SYSTEM, invoice=invoice, reason="wrong address")
    assert balances(scope.organization) == {
        "receivable": Decimal(-30),
        "credits": Decimal(30),
        "prepaid": Decimal(-100),
        "cash": Decimal(100),
    }
    (anew,) = close(scope.organization, JANUARY)

    assert (anew.number, anew.total) == ("INV-000002", invoice.total)
    assert Invoice.objects.filter(number="INV-000001", state=InvoiceState.VOID).count() == 1


def test_what_was_void_comes_with_the_next_month_otherwise(scope):
    begun(scope, MID_JANUARY, days=20)
    (january,) = close(scope.organization, JANUARY)
    void_invoice(actor=SYSTEM, invoice=january, reason="wrong")

    (february,) = close(scope.organization, FEBRUARY)

    assert february.subtotal == 20 * NET


def test_what_is_paid_is_not_made_void(scope, billed):
    invoice = billed()
    record_payment(actor=SYSTEM, invoice=invoice, amount=usd(1), reference="b1")

    with pytest.raises(StateConflict, match="credit note instead"):
        void_invoice(actor=SYSTEM, invoice=invoice, reason="wrong")

    invoice.refresh_from_db()
    assert invoice.state == InvoiceState.ISSUED


def test_only_a_draft_is_issued(billed):
    with pytest.raises(StateConflict, match="only a draft"):
        issue_invoice(actor=SYSTEM, invoice=billed())


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE billing_invoice SET total = total + 1, subtotal = subtotal + 1",
        "UPDATE billing_invoice SET buyer = '{}'",
        "UPDATE billing_invoice SET number = 'INV-9'",
        "DELETE FROM billing_invoice",
        "UPDATE billing_invoiceline SET label = 'other'",
        "DELETE FROM billing_invoiceline",
        "INSERT INTO billing_invoiceline (invoice_id, position, kind, label, amount)"
        " SELECT id, 99, 'fee', 'more', 1 FROM billing_invoice",
        "UPDATE billing_usagerecord SET duration = '1 s'",
        "DELETE FROM billing_usagerecord",
        "UPDATE billing_numberseries SET last = last + 2",
        "DELETE FROM billing_numberseries",
    ],
)
def test_the_database_keeps_what_is_issued(billed, sql):
    invoice = billed()

    assert refused(sql)

    again = Invoice.objects.get(pk=invoice.pk)
    assert (again.total, again.lines.count()) == (TOTAL, 1)


def test_lines_must_add_up_when_a_number_is_given(scope, billed):
    set_profile(actor=SYSTEM, organization=scope.organization, is_reviewed=True)
    draft = billed()
    execute("UPDATE billing_invoice SET subtotal = subtotal + 1, total = total + 1")
    draft.refresh_from_db()

    with pytest.raises(IntegrityError, match="come to"), transaction.atomic():
        issue_invoice(actor=SYSTEM, invoice=draft)

    draft.refresh_from_db()
    assert draft.state == InvoiceState.DRAFT


def test_who_sees_bills_gets_a_mail_with_an_invoice_once_it_stands(scope, billed, django_capture_on_commit_callbacks):
    billing = factories.member(scope.organization, Role.BILLING)
    factories.member(scope.organization, Role.VIEWER)

    with django_capture_on_commit_callbacks(execute=True):
        invoice = billed()

    (told,) = [one for one in mail.outbox if one.subject == f"Invoice {invoice.number}"]
    assert set(told.to) == {scope.organization.memberships.get(role=Role.OWNER).user.email, billing.email}
    assert f"USD 571.20. It is due on {invoice.due_at:%d %b %Y}." in told.body
    assert f"/invoices/{invoice.public_id}" in told.body
