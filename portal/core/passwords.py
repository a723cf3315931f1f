"""Passwords made at random, for people to read."""

import secrets

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without letters that look alike."""


def random_password() -> str:
    """Return a password that can be read aloud: four groups of five, 100 bits."""
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(4))
    return "-".join(groups)
