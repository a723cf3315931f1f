"""Fields of the API's bodies and queries: instants, money, text that is really text, and nothing unknown."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from portal.core.clock import as_rfc3339
from portal.core.money import Money

In = TypeVar("In")
# Section 5.6 with its liberties; Python reads much more, such as week dates and what stands behind a NUL.
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?(?P<offset>[Zz]|[+-]\d\d:\d\d)?", re.ASCII)

AMOUNT = re.compile(r"\d{1,20}(\.\d{1,20})?", re.ASCII)
FULL_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class InstantField(serializers.DateTimeField):
    """An RFC 3339 instant: in with any offset, but with one; out in UTC with ``Z``, to the second."""

    default_error_messages = {
        "invalid": "Write an RFC 3339 instant such as 2030-01-31T12:00:00Z (in a query, a plus sign is %2B).",
        "no_offset": "Write the instant with its offset from UTC, such as 2030-01-31T12:00:00Z.",
    }

    def to_internal_value(self, value: Any) -> datetime:
        """Return the instant in UTC. Raises ValidationError."""
        written = RFC_3339.fullmatch(value) if isinstance(value, str) else None
        if written is None:
            self.fail("invalid")
        if not written["offset"]:
            self.fail("no_offset")
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("invalid")

    def to_representation(self, value: Any) -> str:
        """Write the instant."""
        return as_rfc3339(value)


class DayField(InstantField):
    """An RFC 3339 instant, or a date alone: its midnight in UTC."""

    default_error_messages = {
        "invalid": "Write a date such as 2030-01-31, or an RFC 3339 instant such as 2030-01-31T12:00:00Z.",
    }

    def to_internal_value(self, value: Any) -> datetime:
        """Return the instant in UTC. Raises ValidationError."""
        if isinstance(value, str) and FULL_DATE.fullmatch(value):
            value = f"{value}T00:00:00Z"
        return super().to_internal_value(value)


class Text(serializers.CharField):
    """Text as it was sent: nothing trimmed, numbers are not text, and the empty text is left to who knows better."""

    def __init__(self, **kwargs: Any) -> None:
        """Keep spaces and let the empty text through."""
        super().__init__(**{"trim_whitespace": False, "allow_blank": True, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        """Return the text. Raises ValidationError for anything else."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A JSON integer: not a text of digits, not a float, not a truth value."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number. Raises ValidationError for anything else."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class Amount(Text):
    """An amount of money: a decimal string, as amounts are written too."""

    default_error_messages = {"malformed": 'Write the amount as a decimal string such as "150000.00".'}

    def to_internal_value(self, data: Any) -> Any:
        """Return the amount as a Decimal. Raises ValidationError."""
        text = super().to_internal_value(data)
        if not AMOUNT.fullmatch(text):
            self.fail("malformed")
        return Decimal(text)


class Flag(serializers.BooleanField):
    """A JSON truth value: not a text, not a number."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the value. Raises ValidationError for anything else."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Input(serializers.Serializer[In]):
    """A body that refuses names it does not know: a mistyped field must not be lost in silence."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the values. Raises ValidationError with every wrong and every unknown field."""
        known = set(self.fields)
        names = data if isinstance(data, Mapping) else ()
        unknown = {
            name: [ErrorDetail("There is no such field here.", code="unknown_field")]
            for name in names
            if name not in known
        }
        try:
            values = super().to_internal_value(data)
        except ValidationError as error:
            detail = error.detail if isinstance(error.detail, dict) else {}
            raise ValidationError({**detail, **unknown}) from None
        if unknown:
            raise ValidationError(unknown)
        return values


def documents(kind: type[serializers.Serializer[Any]], rows: Iterable[Any], **context: Any) -> list[dict[str, Any]]:
    """Return ``rows`` as the API writes them; ``context`` is what ``kind`` was prepared with for all of them."""
    return [dict(kind(row, context=context).data) for row in rows]


@dataclass(frozen=True)
class Rate:
    """A price per unit, which has more decimal places than money."""

    value: Decimal
    currency: str

    @property
    def amount(self) -> str:
        """The value with two to six places, as many as it needs."""
        whole, _, places = f"{self.value.normalize():f}".partition(".")
        return f"{whole}.{places.ljust(2, '0')}"


class MoneyOut(serializers.Serializer[Money | Rate]):
    """An amount of money, or a price per unit."""

    amount = serializers.CharField(help_text="Decimal string; never a float.")
    currency = serializers.CharField(help_text="ISO 4217 code.")


DRY_RUN = serializers.BooleanField(
    required=False, help_text="Only with `dry_run`: true. Nothing was changed, and the id names nothing."
)


class SpanOut(serializers.Serializer[Any]):
    """A half-open period: the start belongs to it, the end does not."""

    starts_at = InstantField(source="start")
    ends_at = InstantField(source="end")
