"""What is given back for a promise that was missed. But for its state the database lets nothing of it change."""

from django.db import models
from django.db.models import Q

from portal.catalog.models import SlaTier
from portal.core import ids
from portal.core.models import Identified, Stateful, known_state
from portal.core.money import Money
from portal.fleet.models import Server
from portal.reservations.models import Reservation
from portal.sla.crediting import Reason
from portal.sla.states import CREDIT
from portal.tenancy.models import Organization


class SlaCredit(Identified, Stateful):
    """One credit: of one server of one reservation, for one month and reason. It goes on the next invoice by itself.

    ``arithmetic`` holds all that the amount was worked out from.
    """

    ID_PREFIX = ids.Prefix.CREDIT
    STATES = CREDIT

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="sla_credits", db_index=False)
    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="sla_credits")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="+", db_index=False)
    month = models.DateField(help_text="Its first day.")
    reason = models.CharField(max_length=20, choices=[(reason.value, reason.value) for reason in Reason])
    tier = models.ForeignKey(SlaTier, on_delete=models.PROTECT, related_name="+", db_index=False)
    definition = models.PositiveSmallIntegerField(help_text="Version of what counts as down.")
    percent = models.DecimalField(max_digits=9, decimal_places=2)
    amount = models.DecimalField(max_digits=16, decimal_places=2)
    currency = models.CharField(max_length=3)
    arithmetic = models.JSONField()

    class Meta:
        verbose_name = "SLA credit"
        ordering = ["-month", "-pk"]
        indexes = [models.Index(fields=["organization", "state", "month"], name="credit_to_invoice")]
        constraints = [
            known_state(CREDIT, "sla_credit_state_known"),
            models.UniqueConstraint(fields=["reservation", "server", "month", "reason"], name="sla_credit_once"),
            models.CheckConstraint(condition=Q(reason__in=sorted(Reason)), name="sla_credit_reason_known"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="sla_credit_amount"),
            models.CheckConstraint(condition=Q(month__day=1), name="sla_credit_first_day"),
        ]

    @property
    def money(self) -> Money:
        """The amount with its currency."""
        return Money(self.amount, self.currency)
