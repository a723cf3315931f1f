"""Rows of usage, ledger and invoices."""
