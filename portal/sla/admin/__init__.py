"""Staff's pages of promises measured."""

from portal.sla.admin import budgets, evidence, incidents, maintenance, months

__all__ = ["budgets", "evidence", "incidents", "maintenance", "months"]
