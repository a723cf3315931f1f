"""The one clock. Everything that asks for the time asks here, so that a test can turn one hand."""

from datetime import UTC, datetime

from django.utils import timezone


def now() -> datetime:
    """Return the present instant as an aware UTC datetime."""
    return timezone.now().astimezone(UTC)


def as_rfc3339(moment: datetime) -> str:
    """Write an aware instant as RFC 3339 in UTC with ``Z``, to the second."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
