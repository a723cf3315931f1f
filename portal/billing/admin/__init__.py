"""Staff's pages of usage, ledger and invoices."""

from portal.billing.admin import credits, customers, invoices, ledger, lines, payments, promises, reminders, usage

__all__ = ["credits", "customers", "invoices", "ledger", "lines", "payments", "promises", "reminders", "usage"]
