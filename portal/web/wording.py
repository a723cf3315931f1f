"""How amounts of money read on pages."""

from portal.core.money import Money

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def money_text(money: Money) -> str:
    """Write an amount for people: ``$1,234.50``, or ``CHF 1,234.50`` where the symbol is not common."""
    symbol = SYMBOLS.get(money.currency)
    sign = "-" if money.amount < 0 else ""
    return f"{sign}{symbol}{abs(money.amount):,}" if symbol else str(money)
