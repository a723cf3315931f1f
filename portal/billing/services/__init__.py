"""Changes of usage, ledger and invoices."""
