"""Refusals that only the HTTP face knows, beside those of the services."""

from portal.core.errors import DomainError


class IdempotencyKeyRequired(DomainError):
    """The request creates or spends and must carry an Idempotency-Key."""

    code = "idempotency_key_required"
    status = 400
    title = "Idempotency-Key required"


class IdempotencyKeyInvalid(DomainError):
    """The Idempotency-Key is not 1 to 255 printable ASCII characters."""

    code = "idempotency_key_invalid"
    status = 400
    title = "Idempotency-Key invalid"


class IdempotencyKeyReused(DomainError):
    """The Idempotency-Key was used before with another request; take a fresh one."""

    code = "idempotency_key_reused"
    status = 422
    title = "Idempotency-Key reused"


class IdempotencyInProgress(DomainError):
    """The first request with this Idempotency-Key is still being worked on; ask again in a moment."""

    code = "idempotency_in_progress"
    title = "Still in progress"


class PreconditionFailed(DomainError):
    """The object has changed since the If-Match value was read; read it again."""

    code = "precondition_failed"
    status = 412
    title = "Precondition failed"


class BodyTooLarge(DomainError):
    """The request's body is larger than any valid request."""

    code = "body_too_large"
    status = 413
    title = "Body too large"


class RateLimited(DomainError):
    """Too many requests in the present minute; ``Retry-After`` says how many seconds to wait."""

    code = "rate_limited"
    status = 429
    title = "Too many requests"


class NotReady(DomainError):
    """The portal cannot work yet; ``checks`` says which of database, broker and worker is missing."""

    code = "not_ready"
    status = 503
    title = "Not ready"
