"""What was seen of servers: runs of equal samples. The database lets a run only grow, and nothing else change."""

from django.db import models
from django.db.models import F, Q

from portal.core import clock
from portal.fleet.models import Server
from portal.sla.definitions import Condition, Kind


class Source(models.TextChoices):
    """Who says so."""

    PROBE = "probe", "from outside"
    BMC = "bmc", "management controller"
    ACCEPTANCE = "acceptance", "acceptance test"
    STAFF = "staff", "our staff"


class Evidence(models.Model):
    """Samples of one kind that said the same, one after another.

    From the first of them to the sample that ended the run, or to the last one so far. A row of ``STAFF`` corrects what
    was recorded before: of two that speak of one instant and kind the one with the higher key counts.
    """

    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in Kind])
    value = models.CharField(max_length=8, choices=[(value.value, value.value) for value in Condition])
    since = models.DateTimeField()
    until = models.DateTimeField(help_text="Not indexed: it grows with each sample.")
    source = models.CharField(max_length=12, choices=Source.choices)
    note = models.CharField(max_length=300, blank=True, default="", help_text="What was found, or why it is corrected.")
    recorded_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name_plural = "evidence"
        ordering = ["pk"]
        indexes = [models.Index(fields=["server", "kind", "-id"], name="evidence_latest")]
        constraints = [
            models.CheckConstraint(condition=Q(until__gte=F("since")), name="evidence_goes_forward"),
            models.CheckConstraint(condition=Q(kind__in=sorted(Kind)), name="evidence_kind_known"),
            models.CheckConstraint(condition=Q(value__in=sorted(Condition)), name="evidence_value_known"),
            models.CheckConstraint(condition=Q(source__in=sorted(Source)), name="evidence_source_known"),
        ]

    def __str__(self) -> str:
        """Return what was seen of which kind."""
        return f"{self.kind} {self.value}"
