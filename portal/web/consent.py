"""The price that somebody agreed to: as the page showed it, so that nobody pays more than he saw."""

from decimal import Decimal

from django.http import HttpRequest

from portal.core.money import Money

FIELD = "agreed"


def agreed_in(request: HttpRequest, currency: str) -> Money:
    """Return the amount that a form was sent with; a form that says none, or no amount, agrees to nothing."""
    try:
        return Money(Decimal(request.POST.get(FIELD, "")), currency)
    except (ArithmeticError, ValueError):
        return Money(Decimal(0), currency)
