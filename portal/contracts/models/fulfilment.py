"""What an active contract has brought about."""

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import Q

from portal.contracts.models.contract import Contract
from portal.contracts.models.lines import ContractLine
from portal.core.money import Money
from portal.core.periods import Period
from portal.reservations.models import Reservation
from portal.reservations.models.ranges import bounded


class ContractReservation(models.Model):
    """The reservation that serves a line. A later version's line that changes nothing is served by the same one."""

    line = models.OneToOneField(ContractLine, on_delete=models.PROTECT, related_name="fulfilment")
    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="contract_lines")

    def __str__(self) -> str:
        """Return the reservation's public id."""
        return str(self.reservation)


class Commitment(models.Model):
    """What the customer owes at least for a span, whatever it uses: the minimum spend of an active contract."""

    contract = models.OneToOneField(Contract, on_delete=models.PROTECT, related_name="commitment")
    period = DateTimeRangeField()
    minimum = models.DecimalField(max_digits=16, decimal_places=2)
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            bounded("period", "commitment_period_bounded"),
            models.CheckConstraint(condition=Q(minimum__gt=0), name="commitment_minimum"),
        ]

    def __str__(self) -> str:
        """Return the minimum."""
        return str(self.owed)

    @property
    def span(self) -> Period:
        """The period as a value."""
        return Period.of_range(self.period)

    @property
    def owed(self) -> Money:
        """The minimum as money."""
        return Money(self.minimum, self.currency)
