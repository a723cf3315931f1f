"""Rows of what sales agreed."""
