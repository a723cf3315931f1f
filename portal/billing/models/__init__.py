"""Rows of usage, ledger and invoices."""

from portal.billing.models.credits import CreditGrant
from portal.billing.models.invoices import Invoice, InvoiceLine, LineKind
from portal.billing.models.ledger import Account, AccountKind, Entry, Leg
from portal.billing.models.notes import CreditNote
from portal.billing.models.numbers import NumberSeries
from portal.billing.models.payments import Payment
from portal.billing.models.profiles import BillingProfile
from portal.billing.models.reminders import Reminder
from portal.billing.models.usage import Meter, MonthClose, UsageRecord

__all__ = [
    "Account",
    "AccountKind",
    "BillingProfile",
    "CreditGrant",
    "CreditNote",
    "Entry",
    "Invoice",
    "InvoiceLine",
    "Leg",
    "LineKind",
    "Meter",
    "MonthClose",
    "NumberSeries",
    "Payment",
    "Reminder",
    "UsageRecord",
]
