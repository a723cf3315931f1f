"""What a price is made of, and what of it is owed for what is called off."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from portal.api.fields import InstantField, MoneyOut
from portal.catalog.terms import CancellationTerms, describe, written
from portal.core import clock
from portal.core.clock import as_rfc3339
from portal.reservations.charges import cancellation_of
from portal.reservations.models import Reservation


class PriceLineOut(serializers.Serializer[Any]):
    """One line of a price."""

    label = serializers.CharField()  # type: ignore[assignment]
    quantity = serializers.CharField(help_text="The arithmetic, such as `128 GPU x 336 h x 2.85`.")
    amount = MoneyOut()


class TermOut(serializers.Serializer[Any]):
    """One step of cancellation terms."""

    notice_hours = serializers.IntegerField(help_text="With at least this much notice before the start ...")
    percent = serializers.CharField(help_text="... this much of the price is owed. Decimal string.")


class TermsOut(serializers.Serializer[Any]):
    """What is owed for what is called off. With less notice than any of the terms all is; without terms nothing."""

    free_until = InstantField(allow_null=True, help_text="Until then calling off is free. Null: it never is.")
    terms = TermOut(many=True, help_text="The longest notice first.")
    description = serializers.CharField(help_text="The same in words.")


def terms_document(kept: list[dict[str, Any]], start: datetime, now: datetime) -> dict[str, Any]:
    """Return kept cancellation terms of what begins at ``start`` as the API writes them."""
    terms = CancellationTerms.of_json(kept)
    row = {"free_until": terms.free_until(start), "terms": kept, "description": describe(terms, start, now)}
    return dict(TermsOut(row).data)


class CancellationOut(TermsOut):
    """What calling off costs at this moment."""

    fee = MoneyOut(help_text="What would be owed if it were called off now; once it is over: what is owed.")
    percent = serializers.CharField(help_text="Of the price. Decimal string.")


def cancellation_document(row: Reservation) -> dict[str, Any]:
    """Return what calling off a reservation costs now, with its terms."""
    cost = cancellation_of(row, clock.now())
    return {
        "free_until": as_rfc3339(cost.free_until) if cost.free_until else None,
        "terms": row.cancellation_terms,
        "description": cost.description,
        "fee": cost.fee.as_json(),
        "percent": written(cost.percent),
    }
