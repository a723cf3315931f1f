"""Abstract parents of model rows. This app has no tables."""

from typing import Any, ClassVar

from django.db import models

from portal.core import clock, ids
from portal.core.states import StateTable


class Identified(models.Model):
    """A row with a typed public id, given once and never changed."""

    ID_PREFIX: ClassVar[str]

    public_id = models.CharField(max_length=ids.MAX_LENGTH, unique=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        abstract = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Give a new row its id at once, so that bulk inserts and audit rows have it too."""
        super().__init__(*args, **kwargs)
        # Not through the attribute: reading one that a query left out would ask the database again for each row.
        if self.__dict__.get("public_id") == "":
            self.public_id = ids.new_id(self.ID_PREFIX)

    def __str__(self) -> str:
        """Return the public id."""
        return self.public_id


class Stateful(models.Model):
    """A row with a state from a table. Only ``portal.audit.transitions.advance`` writes these fields."""

    STATES: ClassVar[StateTable]

    state = models.CharField(max_length=24, editable=False, db_index=True)
    state_reason = models.TextField(blank=True, default="", editable=False)
    state_changed_at = models.DateTimeField(default=clock.now, editable=False)
    state_deadline_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True


def known_state(table: StateTable, name: str) -> models.CheckConstraint:
    """Return the constraint that a row's state is one of its table."""
    return models.CheckConstraint(condition=models.Q(state__in=sorted(table.states)), name=name)
