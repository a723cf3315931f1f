"""What sales writes into a contract, before it is checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from portal.catalog.models import OSImage, SlaTier
from portal.contracts.models import ContractLine
from portal.core.errors import FieldError
from portal.core.periods import Period
from portal.fleet.models import Region, ServerType
from portal.reservations.models import Placement
from portal.tenancy.models import Organization, Project


@dataclass(frozen=True)
class ContractWish:
    """The head of a contract. The currency is the customer's where none is given."""

    title: str
    organization: Organization
    project: Project
    template: str
    starts_at: datetime
    ends_at: datetime
    currency: str = ""
    payment_days: int = 30
    po_number: str = ""
    minimum_spend: Decimal = Decimal(0)
    image: OSImage | None = None
    clauses: Mapping[str, Any] = field(default_factory=dict)

    @property
    def chosen_currency(self) -> str:
        """ISO 4217 code."""
        return self.currency or self.organization.currency


@dataclass(frozen=True)
class LineWish:
    """A line. Without a price it is sold at list price; ``currency`` is only given to be compared."""

    server_type: ServerType
    region: Region
    count: int
    starts_at: datetime
    ends_at: datetime
    unit_price: Decimal | None = None
    discount: Decimal = Decimal(0)
    sla_tier: SlaTier | None = None
    placement: str = Placement.SAME_FABRIC
    below_floor_reason: str = ""
    overflow: int = 0
    currency: str = ""
    origin: ContractLine | None = None

    @classmethod
    def of(cls, line: ContractLine, *, origin: ContractLine | None = None) -> "LineWish":
        """Return the wish that an existing line came from; ``origin`` where it goes on with that."""
        return cls(
            line.server_type,
            line.region,
            line.count,
            line.span.start,
            line.span.end,
            line.unit_price,
            line.discount,
            line.sla_tier,
            line.placement,
            line.below_floor_reason,
            line.overflow,
            origin=origin,
        )

    @property
    def period(self) -> Period | None:
        """The period; None where it ends before it starts."""
        return Period(self.starts_at, self.ends_at) if self.ends_at > self.starts_at else None


def at_line(number: int, error: FieldError) -> FieldError:
    """Return what is wrong with a field of a line, counted from 0, as a field of the contract: ``lines.0.count``."""
    return FieldError(f"lines.{number}.{error.field}", error.code, error.detail)
