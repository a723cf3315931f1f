"""Staff's pages of decisions that take two people."""

from portal.approvals.admin import acts, queue

__all__ = ["acts", "queue"]
