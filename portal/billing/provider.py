"""The payment provider behind one door: what is sent to Stripe's HTTP API, and what its signed messages say.

Off unless both of its secrets are set. Amounts go over the wire in the smallest unit of their currency, of which the
yen has none below one (https://docs.stripe.com/currencies).
"""

import json
from dataclasses import dataclass
from decimal import Decimal

import stripe
from django.conf import settings

from portal.core.errors import PaymentProviderUnavailable
from portal.core.money import MINOR_UNITS, Money

TIMEOUT_S = 10
RETRIES = 2
"""Of the library, for what did not get through: the idempotency key makes them one."""
MOST_MINOR = 99_999_999
"""What can be charged at once: eight digits."""
SUCCEEDED = "payment_intent.succeeded"


@dataclass(frozen=True)
class Wanted:
    """What somebody is to pay: ``reference`` comes back with the message that it is paid, ``page`` is led back to."""

    key: str
    reference: str
    label: str
    amount: Money
    page: str


@dataclass(frozen=True)
class Received:
    """What the provider says came in: ``payment`` names it there, ``reference`` is ours."""

    payment: str
    reference: str
    amount: Money


def is_configured() -> bool:
    """Tell whether customers can pay online."""
    return bool(settings.METALYARD_STRIPE_SECRET_KEY and settings.METALYARD_STRIPE_WEBHOOK_SECRET)


def minor_units(amount: Money) -> int:
    """Return an amount as a number of the smallest unit of its currency."""
    return int(amount.amount.scaleb(MINOR_UNITS[amount.currency]))


def of_minor_units(number: int, currency: str) -> Money:
    """Return a number of smallest units as money. Raises KeyError for an unknown currency."""
    return Money(Decimal(number).scaleb(-MINOR_UNITS[currency]), currency)


def payment_link(wanted: Wanted) -> str:
    """Return the address of the provider's page on which something is paid. Raises PaymentProviderUnavailable.

    The same key leads to the same page, however often it is asked for within a day.
    """
    client = stripe.StripeClient(
        settings.METALYARD_STRIPE_SECRET_KEY,
        base_addresses={"api": settings.METALYARD_STRIPE_API_URL},
        http_client=stripe.RequestsClient(timeout=TIMEOUT_S),
        max_network_retries=RETRIES,
    )
    try:
        made = client.v1.checkout.sessions.create(
            {
                "mode": "payment",
                "line_items": [
                    {
                        "quantity": 1,
                        "price_data": {
                            "currency": wanted.amount.currency.lower(),
                            "unit_amount": minor_units(wanted.amount),
                            "product_data": {"name": wanted.label},
                        },
                    }
                ],
                "client_reference_id": wanted.reference,
                "payment_intent_data": {"metadata": {"invoice": wanted.reference}, "description": wanted.label},
                "success_url": wanted.page,
                "cancel_url": wanted.page,
            },
            {"idempotency_key": wanted.key},
        )
    except stripe.StripeError as error:
        raise PaymentProviderUnavailable(
            "The payment provider does not take this payment now. Try again later, or pay by bank transfer."
        ) from error
    if not made.url:
        raise PaymentProviderUnavailable("The payment provider gave no page to pay on. Pay by bank transfer.")
    return made.url


def read_message(body: bytes, signature: str) -> Received | None:
    """Return what came in, as a message of the provider says; None for messages about anything else.

    Raises ValueError for one that is not signed with our secret, or too old, and for one that makes no sense.
    """
    try:
        stripe.Webhook.construct_event(body, signature, settings.METALYARD_STRIPE_WEBHOOK_SECRET)
    except stripe.SignatureVerificationError as error:
        raise ValueError("The signature is not right.") from error
    message = json.loads(body)
    if message["type"] != SUCCEEDED:
        return None
    intent = message["data"]["object"]
    reference = (intent.get("metadata") or {}).get("invoice", "")
    currency = intent["currency"].upper()
    # What others charge through the same account is none of ours.
    if not reference or currency not in MINOR_UNITS or intent["amount_received"] <= 0:
        return None
    return Received(intent["id"], reference, of_minor_units(intent["amount_received"], currency))
