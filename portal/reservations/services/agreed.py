"""The price that is agreed for a reservation: changed, never to more than was shown, and told with the change."""

from collections.abc import Iterable
from typing import Any

from portal.audit.services import record
from portal.core.actors import Actor
from portal.core.errors import PriceChanged
from portal.core.money import Money
from portal.operations.services.events import tell
from portal.reservations.charges import Charge, sum_of
from portal.reservations.models import Reservation


def price_of(reservation: Reservation) -> Money:
    """Return the agreed price."""
    return Money(reservation.price, reservation.currency)


def require_agreed(total: Money, agreed: Money | None) -> None:
    """Raise PriceChanged where more is owed in all than somebody agreed to; None agrees to any price."""
    if agreed is not None and (agreed.currency != total.currency or agreed.amount < total.amount):
        raise PriceChanged(
            f"It comes to {total} in all by now, not to {agreed}. Nothing was changed; look at the new price first.",
            extra={"agreed": agreed.as_json(), "total": total.as_json()},
        )


def repriced(charges: Iterable[Charge], currency: str) -> dict[str, Any]:
    """Return the fields of a price that was changed: what it is made of now, and its sum; rate and terms stay."""
    known = list(charges)
    return {"price": sum_of(known, currency).amount, "price_lines": [charge.as_json() for charge in known]}


def note_change(*, actor: Actor, reservation: Reservation, verb: str, data: dict[str, Any], **words: Any) -> None:
    """Record a change that is written, with ``data`` and the price as it is now, and tell the customer.

    ``words`` fill the sentence of the event that is called like ``verb``.
    """
    record(
        actor=actor,
        verb=verb,
        target=reservation.public_id,
        scope=reservation.organization.public_id,
        data={**data, "price": price_of(reservation).as_json()},
    )
    tell(actor=actor, subject=reservation.public_id, event_type=verb, **words)
