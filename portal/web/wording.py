"""How states look and read on pages: one table, so that the same state has the same colour and word everywhere."""

from portal.core.money import Money

TONES: dict[str, str] = {
    # reservations
    "held": "warn",
    "scheduled": "busy",
    "provisioning": "busy",
    "active": "ok",
    "ending": "warn",
    "ended": "",
    "cancelled": "",
    "expired": "",
    "failed": "bad",
    # servers and allocations
    "available": "ok",
    "booked": "busy",
    "deploying": "busy",
    "in_use": "ok",
    "serving": "ok",
    "releasing": "warn",
    "cleaning": "warn",
    "released": "",
    "deploy_failed": "bad",
    "release_failed": "bad",
    "quarantined": "bad",
    "maintenance": "warn",
    # operations
    "queued": "",
    "claimed": "busy",
    "running": "busy",
    "succeeded": "ok",
    "timed_out": "bad",
}

WORDS: dict[str, str] = {
    "booked": "Preparing",
    "serving": "Ready",
    "cleaning": "Erasing",
    "in_use": "In use",
    "deploying": "Imaging",
    "releasing": "Erasing",
}

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def tone_of(state: str) -> str:
    """Return the CSS class for a state: ok, busy, warn, bad, or none."""
    return TONES.get(str(state), "")


def words_of(state: str) -> str:
    """Return what people read for a state; an unknown name is written out."""
    name = str(state)
    return WORDS.get(name, name.replace("_", " ").capitalize())


def money_text(money: Money) -> str:
    """Write an amount for people: ``$1,234.50``, or ``CHF 1,234.50`` where the symbol is not common."""
    symbol = SYMBOLS.get(money.currency)
    return f"{symbol}{money.amount:,}" if symbol else str(money)
