"""Refusals with stable codes. A service raises one of these; the faces turn it into a page or a problem document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field: a JSON pointer-like field name, a stable code, a sentence with the way out."""

    field: str
    code: str
    detail: str


class DomainError(Exception):
    """A refusal that a client can act upon. ``code`` is stable and documented, ``extra`` goes into the reply."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "Refused"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep the sentence for people, the field errors and what else the reply carries."""
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.extra = dict(extra or {})


class InvalidInput(DomainError):
    """Some fields are wrong; each is listed in ``errors``."""

    code = "invalid_input"
    status = 422
    title = "Invalid input"

    @classmethod
    def of(cls, field: str, code: str, detail: str) -> "InvalidInput":
        """Build the refusal for one field."""
        return cls(detail, errors=[FieldError(field, code, detail)])


class NotFound(DomainError):
    """The thing does not exist, or is not the caller's: the two are never told apart."""

    code = "not_found"
    status = 404
    title = "Not found"


class Forbidden(DomainError):
    """The caller may see the thing but may not do this to it."""

    code = "permission_denied"
    status = 403
    title = "Permission denied"


class StateConflict(DomainError):
    """The thing is in a state that does not allow this, or somebody else changed it meanwhile."""

    code = "state_conflict"
    title = "Not possible in this state"


class InsufficientCapacity(DomainError):
    """Fewer servers are free than asked for; the reply has ``available`` and ``next_fit``."""

    code = "insufficient_capacity"
    title = "Not enough free servers"


class ExtensionBlocked(DomainError):
    """The servers are promised to others after the present end.

    The reply has ``latest_end`` (null where no later end is possible), ``blocked_servers`` and ``blocked_from``.
    """

    code = "extension_blocked"
    title = "Extension blocked"


class QuotaExceeded(DomainError):
    """A limit of the organization or of the project does not allow it.

    The reply has ``limit``, ``used``, ``requested``, ``scope`` (organization or project), ``measure`` (servers or
    gpu_hours) and, for GPU-hours, ``month``.
    """

    code = "quota_exceeded"
    title = "Quota exceeded"


class ApprovalRequired(DomainError):
    """It costs more than the caller may commit to; the reply has ``limit`` and ``total``."""

    code = "approval_required"
    status = 403
    title = "Approval required"


class BudgetExceeded(DomainError):
    """A budget that stops does not allow it: a month would cost more than was set for it.

    The reply has ``limit``, ``booked``, ``requested``, ``scope`` (organization or project) and ``month``.
    """

    code = "budget_exceeded"
    title = "Beyond the budget"


class QuoteExpired(DomainError):
    """The quote was not accepted in time; the reply has ``expires_at``."""

    code = "quote_expired"
    title = "The quote has expired"


class HoldLimitReached(DomainError):
    """The project holds as much as it may without deciding; the reply has ``limit`` and ``retry_after``."""

    code = "hold_limit_reached"
    title = "Too many holds"


class WaitlistLimitReached(DomainError):
    """The project waits for as much as it may at once; the reply has ``limit``."""

    code = "waitlist_limit_reached"
    title = "Too many entries in the waiting list"


class ImageLimitReached(DomainError):
    """The project has as many images of its own as it may; the reply has ``limit``."""

    code = "image_limit_reached"
    title = "Too many images"


class NoPrice(DomainError):
    """The price book does not sell this server type in this region at this time."""

    code = "not_sold"
    title = "Not sold here"


class PriceChanged(DomainError):
    """It costs more than was agreed to; the reply has ``agreed`` and ``total``."""

    code = "price_changed"
    title = "The price has changed"


class EInvoiceImpossible(DomainError):
    """The invoice lacks what a document by EN 16931 must have; ``errors`` says what. Its other files can be had."""

    code = "e_invoice_impossible"
    title = "Not possible by EN 16931"


class PaymentProviderUnavailable(DomainError):
    """The payment provider does not answer, or does not take the payment; other ways to pay still work."""

    code = "payment_provider_unavailable"
    status = 503
    title = "Cannot be paid online now"


class BootTokenRefused(DomainError):
    """A machine reported with a token that is wrong, old or already used."""

    code = "boot_token_refused"
    status = 403
    title = "Boot token refused"


class ClaimLost(DomainError):
    """The caller no longer holds the operation: its lease ran out or another worker took over."""

    code = "claim_lost"
    title = "Claim lost"


def all_error_types() -> list[type[DomainError]]:
    """List every refusal, for the documentation and for the tests that iterate over them.

    What a module keeps to itself, with a name that begins with an underscore, never reaches a client.
    """
    found: list[type[DomainError]] = []
    queue = list(DomainError.__subclasses__())
    while queue:
        kind = queue.pop(0)
        if not kind.__name__.startswith("_"):
            found.append(kind)
        queue.extend(kind.__subclasses__())
    return found
