"""Lines of a contract, and what is held for them while it is offered."""

from decimal import Decimal

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import F, Q, Value

from portal.catalog.models import SlaTier
from portal.contracts.arithmetic import LineTerms
from portal.contracts.models.contract import Contract
from portal.core import ids
from portal.core.models import Identified
from portal.core.periods import Period
from portal.fleet.models import Region, ServerType
from portal.reservations.models import Placement, Quote
from portal.reservations.models.ranges import bounded


class ContractLine(Identified):
    """Servers of one type in one region for one span. List and floor are as they were when the line was written."""

    ID_PREFIX = ids.Prefix.CONTRACT_LINE

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    server_type = models.ForeignKey(ServerType, on_delete=models.PROTECT, related_name="+")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="+")
    count = models.PositiveIntegerField()
    period = DateTimeRangeField()
    placement = models.CharField(max_length=16, choices=Placement.choices, default=Placement.SAME_FABRIC)
    unit_price = models.DecimalField(max_digits=12, decimal_places=6, help_text="Per GPU and hour.")
    discount = models.DecimalField(max_digits=5, decimal_places=2, default=Decimal(0), help_text="Percent.")
    sla_tier = models.ForeignKey(SlaTier, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    list_price = models.DecimalField(max_digits=12, decimal_places=6)
    floor_price = models.DecimalField(max_digits=12, decimal_places=6)
    below_floor_reason = models.CharField(max_length=300, blank=True, default="")
    overflow = models.PositiveIntegerField(
        default=0, help_text="Servers beyond these that the customer may reserve at list price: its quota at least."
    )
    origin = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="+", null=True, blank=True, help_text="Line that it continues."
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            bounded("period", "contract_line_period_bounded"),
            models.UniqueConstraint(fields=["contract", "position"], name="contract_line_position_once"),
            models.CheckConstraint(condition=Q(count__gte=1), name="contract_line_count"),
            models.CheckConstraint(condition=Q(discount__gte=0, discount__lte=100), name="contract_line_discount"),
            models.CheckConstraint(
                condition=Q(unit_price__gte=0, list_price__gte=0, floor_price__gte=0), name="contract_line_prices"
            ),
            models.CheckConstraint(
                condition=~Q(below_floor_reason="")
                | Q(floor_price__lte=F("unit_price") * (Value(Decimal(100)) - F("discount")) / Value(Decimal(100))),
                name="contract_line_floor_or_reason",
            ),
        ]

    @property
    def span(self) -> Period:
        """The period as a value."""
        return Period.of_range(self.period)

    @property
    def money(self) -> LineTerms:
        """What its price hangs on. It reads the server type and the contract."""
        return LineTerms(
            servers=self.count,
            gpus_per_server=self.server_type.gpu_count,
            period=self.span,
            unit=self.unit_price,
            discount=self.discount,
            list_rate=self.list_price,
            floor_rate=self.floor_price,
            currency=self.contract.currency,
        )


class ContractHold(models.Model):
    """Capacity that is kept for a line while the contract is offered."""

    line = models.OneToOneField(ContractLine, on_delete=models.CASCADE, related_name="hold")
    quote = models.OneToOneField(Quote, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        """Return the quote's public id."""
        return str(self.quote)
