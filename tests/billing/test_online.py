"""Paying online, against a stand-in of Stripe's HTTP API: nothing here reaches Stripe itself."""

import time
from decimal import Decimal

import pytest
from django.test import Client

from portal.billing.models import Payment
from portal.billing.provider import minor_units, of_minor_units
from portal.billing.selectors.amounts import open_amount
from portal.billing.selectors.ledger import paid_ahead, unbalanced
from portal.billing.services.online import start_payment
from portal.billing.services.payments import record_payment
from portal.billing.states import InvoiceState
from portal.core.actors import SYSTEM
from portal.core.errors import PaymentProviderUnavailable, StateConflict
from portal.core.money import MINOR_UNITS, Money
from tests import factories
from tests.api.world import nothing_changes
from tests.billing import yard
from tests.billing.stripe_stand_in import SECRET_KEY, WEBHOOK_SECRET, running, signature_of, succeeded
from tests.racing import race
from tests.web.conftest import browser_of

ADDRESS = "/payments/stripe"


@pytest.fixture
def stripe(settings):
    with running() as (stand_in, address):
        settings.METALYARD_STRIPE_API_URL = address
        settings.METALYARD_STRIPE_SECRET_KEY = SECRET_KEY
        settings.METALYARD_STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
        yield stand_in


@pytest.fixture
def scope(db):
    return factories.scope()


@pytest.fixture
def invoice(scope):
    return yard.invoice(scope)


def tell(body, signature=None):
    headers = {"Stripe-Signature": signature_of(body) if signature is None else signature}
    return Client().post(ADDRESS, body, content_type="application/json", headers=headers).status_code


@pytest.mark.parametrize(
    ("amount", "currency", "minor"), [("480.00", "USD", 48000), ("0.01", "EUR", 1), ("1234", "JPY", 1234)]
)
def test_amounts_are_sent_in_smallest_units(amount, currency, minor):
    money = Money(Decimal(amount), currency)

    assert minor_units(money) == minor
    assert of_minor_units(minor, currency) == money
    assert MINOR_UNITS["JPY"] == 0


def test_the_same_invoice_leads_to_the_same_page(scope, invoice, stripe):
    first = start_payment(actor=scope.actor, invoice=invoice)

    assert start_payment(actor=scope.actor, invoice=invoice) == first == "https://checkout.stripe.com/c/pay/cs_test_0"
    assert stripe.sessions == {
        invoice.public_id: {
            "mode": "payment",
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": "usd",
            "line_items[0][price_data][unit_amount]": "48000",
            "line_items[0][price_data][product_data][name]": f"Invoice {invoice.number}",
            "client_reference_id": invoice.public_id,
            "payment_intent_data[metadata][invoice]": invoice.public_id,
            "payment_intent_data[description]": f"Invoice {invoice.number}",
            "success_url": f"http://127.0.0.1:8000/invoices/{invoice.public_id}",
            "cancel_url": f"http://127.0.0.1:8000/invoices/{invoice.public_id}",
        }
    }


def test_what_is_left_of_it_is_another_page(scope, invoice, stripe):
    start_payment(actor=scope.actor, invoice=invoice)
    record_payment(actor=SYSTEM, invoice=invoice, amount=Money(Decimal(80), "USD"), reference="bank 1")

    start_payment(actor=scope.actor, invoice=invoice)

    assert list(stripe.sessions) == [invoice.public_id, f"{invoice.public_id}-40000"]


def test_what_did_not_get_through_is_sent_again_with_the_same_key(scope, invoice, stripe):
    stripe.failing = [500]

    assert start_payment(actor=scope.actor, invoice=invoice)
    assert [key for _, _, key in stripe.requests] == [invoice.public_id] * 2


def test_a_provider_that_refuses_is_said_so(scope, invoice, stripe, settings):
    settings.METALYARD_STRIPE_SECRET_KEY = "sk_wrong"

    with nothing_changes(), pytest.raises(PaymentProviderUnavailable):
        start_payment(actor=scope.actor, invoice=invoice)


def test_only_what_is_open_and_not_too_much_is_paid_online(scope, stripe):
    draft, huge = yard.invoice(scope, is_issued=False), yard.invoice(factories.scope(), "1000000.00")

    for row in (draft, huge):
        with nothing_changes(), pytest.raises(StateConflict):
            start_payment(actor=scope.actor, invoice=row)
    assert stripe.requests == []


def test_a_payment_is_recorded_once_and_pays_the_invoice(invoice, stripe):
    body = succeeded(invoice.public_id, 48000)

    assert [tell(body), tell(body)] == [200, 200]

    payment = Payment.objects.get()
    invoice.refresh_from_db()
    assert (payment.invoice, payment.value, payment.reference) == (invoice, invoice.to_pay, "pi_1")
    assert payment.recorded_by == "Stripe"
    assert invoice.state == InvoiceState.PAID
    assert not unbalanced()


def test_what_is_more_than_is_open_is_paid_ahead(scope, invoice, stripe):
    record_payment(actor=SYSTEM, invoice=invoice, amount=Money(Decimal(400), "USD"), reference="bank 1")
    body = succeeded(invoice.public_id, 48000)

    assert [tell(body), tell(body)] == [200, 200]
    assert tell(succeeded(invoice.public_id, 100, "pi_2")) == 200

    invoice.refresh_from_db()
    assert invoice.state == InvoiceState.PAID
    assert paid_ahead(scope.organization, "USD") == Money(Decimal(401), "USD")
    assert open_amount(invoice).amount == 0


@pytest.mark.parametrize("signature", ["", "t=1,v1=00", "nonsense", "\u00fc"])
def test_what_is_not_signed_is_refused(invoice, stripe, signature):
    with nothing_changes():
        assert tell(succeeded(invoice.public_id, 48000), signature) == 400


def test_what_is_signed_by_another_or_old_or_changed_is_refused(invoice, stripe):
    body = succeeded(invoice.public_id, 48000)

    with nothing_changes():
        assert tell(body, signature_of(body, "whsec_other")) == 400
        assert tell(body, signature_of(body, at=time.time() - 3600)) == 400
        assert tell(body.replace(b"48000", b"48001"), signature_of(body)) == 400
        assert tell(b"{", signature_of(b"{")) == 400
        assert tell(b"[]", signature_of(b"[]")) == 400


def test_messages_about_anything_else_are_taken_and_ignored(invoice, stripe):
    with nothing_changes():
        assert tell(succeeded(invoice.public_id, 48000, kind="payment_intent.created")) == 200
        assert tell(succeeded("", 48000)) == 200
        assert tell(succeeded("inv_unknown", 48000)) == 200
        assert tell(succeeded(invoice.public_id, 48000, currency="xxx")) == 200


def test_it_is_off_unless_it_is_set_up(scope, invoice):
    body = succeeded(invoice.public_id, 48000)

    with nothing_changes():
        assert tell(body) == 404
        with pytest.raises(StateConflict):
            start_payment(actor=scope.actor, invoice=invoice)
    assert "Pay online" not in browser_of(scope).get(f"/invoices/{invoice.public_id}").content.decode()


def test_a_customer_is_led_to_the_page(scope, invoice, stripe):
    web = browser_of(scope)

    assert "Pay online" in web.get(f"/invoices/{invoice.public_id}").content.decode()
    page = web.post(f"/invoices/{invoice.public_id}/pay")

    assert page.status_code == 200
    assert 'href="https://checkout.stripe.com/c/pay/cs_test_0"' in page.content.decode()
    stripe.failing = [400]
    assert web.post(f"/invoices/{invoice.public_id}/pay").status_code == 503


@pytest.mark.django_db(transaction=True)
def test_of_many_messages_at_once_one_is_recorded(stripe):
    invoice = yard.invoice(factories.scope())
    body = succeeded(invoice.public_id, 48000)

    assert race(6, lambda _number: tell(body)) == [200] * 6
    assert Payment.objects.count() == 1
