"""Rows of promises measured."""
