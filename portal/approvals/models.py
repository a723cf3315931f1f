"""Rows of decisions that take two people."""
