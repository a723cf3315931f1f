"""The approval limit: what one person may commit an organization to without being its owner or an admin."""

from dataclasses import dataclass
from decimal import Decimal

from portal.core.errors import ApprovalRequired
from portal.core.money import Money
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope


@dataclass(frozen=True)
class ApprovalCheck:
    """A total against the limit; ``limit`` is None where there is none for the asker."""

    limit: Money | None
    total: Money

    @property
    def passes(self) -> bool:
        """Whether the asker may commit to the total alone."""
        return self.limit is None or self.total.amount <= self.limit.amount


def look_at_approval(scope: Scope, total: Money) -> ApprovalCheck:
    """Return a total against the limit that holds for the asker."""
    limit: Decimal | None = scope.organization.approval_limit
    if limit is None or scope.may(Verb.APPROVE):
        return ApprovalCheck(None, total)
    return ApprovalCheck(Money(limit, total.currency), total)


def require_approval(scope: Scope, total: Money) -> None:
    """Raise ApprovalRequired where the asker may not commit to the total alone."""
    check = look_at_approval(scope, total)
    if check.limit is not None and not check.passes:
        raise ApprovalRequired(
            f"This costs {total}; you may commit {scope.organization.name} to {check.limit} at once. "
            "Ask an owner or admin to do it, or choose less.",
            extra={"limit": check.limit.as_json(), "total": total.as_json()},
        )
