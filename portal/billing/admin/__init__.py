"""Staff's pages of usage, ledger and invoices."""
