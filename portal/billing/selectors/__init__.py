"""Questions about usage, ledger and invoices."""
