"""Staff's view of limits and of requests for more."""

from portal.quotas.admin import quotas, requests

__all__ = ["quotas", "requests"]
