"""Checks on the bounds of ranges."""

from django.db import models
from django.db.models import Q


def bounded(field: str, name: str) -> models.CheckConstraint:
    """Return the constraint that a range has two ends, is not empty, and is half-open."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__isempty": False, f"{field}__lower_inf": False, f"{field}__upper_inf": False})
        & Q(**{f"{field}__lower_inc": True, f"{field}__upper_inc": False}),
        name=name,
    )
