"""Staff's view of limits, budgets and requests for more."""

from portal.quotas.admin import budgets, quotas, requests

__all__ = ["budgets", "quotas", "requests"]
