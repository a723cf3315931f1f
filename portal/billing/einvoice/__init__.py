"""Invoices and credit notes for the customer's own programs: EN 16931 in the syntax UN/CEFACT CII."""
