"""Allocations: the truth about who has which server when."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import Case, F, Q, When

from portal.core import ids
from portal.core.models import Identified, Stateful, known_state
from portal.fleet.models import Server
from portal.reservations.models.ranges import bounded
from portal.reservations.models.reservation import Reservation
from portal.reservations.states import ALLOCATION, HOLDING

RESCUE_USER = "root"


class Allocation(Identified, Stateful):
    """One server of a reservation. ``occupied`` is its period with the time to prepare it and its turnover.

    ``turnover`` is the last part of it: booked for erasing and checking the server, before anybody else may have it.
    """

    ID_PREFIX = ids.Prefix.ALLOCATION
    STATES = ALLOCATION

    # Indexed together with what is asked beside it: each index of its own would be one more to write per server.
    state = models.CharField(max_length=24, editable=False)
    # What they refer to is looked for by the triggers in migrations/sql/triggers.sql, once for all rows of a statement.
    reservation = models.ForeignKey(
        Reservation, on_delete=models.PROTECT, related_name="allocations", db_constraint=False, db_index=False
    )
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="allocations", db_constraint=False)
    position = models.PositiveSmallIntegerField()
    hostname = models.CharField(max_length=63)
    occupied = DateTimeRangeField()
    turnover = DateTimeRangeField(null=True, blank=True)
    ssh_user = models.CharField(max_length=32, blank=True, default="")
    host_keys = models.JSONField(default=list, blank=True)
    rescue_host_keys = models.JSONField(
        default=list, blank=True, help_text="Host keys of the rescue system that it is in; none where it is in none."
    )
    rescue_since = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)

    @property
    def login_user(self) -> str:
        """Return who can log in now: in a rescue system that is root."""
        return RESCUE_USER if self.rescue_since else self.ssh_user

    @property
    def login_keys(self) -> list[str]:
        """Return the host keys of what runs now, a rescue system or what is installed."""
        return list(self.rescue_host_keys if self.rescue_since else self.host_keys)

    class Meta:
        ordering = ["reservation", "position", "pk"]
        constraints = [
            known_state(ALLOCATION, "allocation_state_known"),
            bounded("occupied", "allocation_occupied_bounded"),
            models.CheckConstraint(
                condition=Q(turnover__isnull=True)
                | Q(turnover__isempty=True)
                | Q(occupied__contains=F("turnover"), turnover__endswith=F("occupied__endswith")),
                name="allocation_turnover_is_last",
            ),
            ExclusionConstraint(
                name="allocation_no_overlap",
                expressions=[("server", RangeOperators.EQUAL), ("occupied", RangeOperators.OVERLAPS)],
                condition=Q(state__in=sorted(HOLDING)),
                violation_error_message="The server is already booked in this period.",
                violation_error_code="insufficient_capacity",
            ),
            # Of all rows, so that a reservation's allocations are found by it; only those that hold are told apart.
            models.UniqueConstraint(
                F("reservation"),
                F("hostname"),
                Case(When(state__in=sorted(HOLDING), then=True), output_field=models.BooleanField()),
                name="allocation_hostname_once",
            ),
        ]
