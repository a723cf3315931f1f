"""The price that somebody agreed to: as the page showed it, so that nobody pays more than he saw."""

from decimal import Decimal

from django.http import HttpRequest

from portal.core.money import Money

FIELD = "agreed"


def agreed_in(request: HttpRequest, currency: str) -> Money | None:
    """Return the amount that a form was sent with; None for a form that says none.

    What is no amount agrees to nothing.
    """
    said = request.POST.get(FIELD)
    if said is None:
        return None
    try:
        return Money(Decimal(said), currency)
    except (ArithmeticError, ValueError):
        return Money(Decimal(0), currency)
