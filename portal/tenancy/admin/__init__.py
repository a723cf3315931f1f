"""Staff's view of tenants and of the provider's own accounts."""

from portal.tenancy.admin import access, organizations, people

__all__ = ["access", "organizations", "people"]
