"""Numbers that stand beside the navigation and in meters."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.quotas.selectors import quotas_of
from portal.reservations.quota_check import QuotaUse, use_of
from portal.reservations.selectors import reservations_of, servers_of
from portal.reservations.states import LIVE
from portal.tenancy.scope import Scope

TIGHT_PERCENT = 80


@dataclass(frozen=True)
class Meter:
    """How much of a limit is in use."""

    label: str
    used: int | Decimal
    limit: int | Decimal
    unit: str

    @property
    def percent(self) -> int:
        """Share in use, 0 to 100; a limit of nothing is used up."""
        return min(100, int(self.used * 100 // self.limit)) if self.limit else 100

    @property
    def tone(self) -> str:
        """How near the limit it is."""
        if self.used >= self.limit:
            return "bad"
        return "warn" if self.percent >= TIGHT_PERCENT else "ok"


@dataclass(frozen=True)
class QuotaMeters:
    """A limit on servers and, where there is one, on GPU-hours; without one ``hours`` is None."""

    use: QuotaUse
    servers: Meter
    hours: Meter | None

    @property
    def label(self) -> str:
        """What is limited where."""
        return self.servers.label

    @property
    def month(self) -> str:
        """The month whose GPU-hours are counted, for people."""
        return f"{date.fromisoformat(f'{self.use.month}-01'):%B %Y}"


def nav_counts(scope: Scope) -> dict[str, int]:
    """Return how many live reservations and present servers the project has."""
    return {
        "reservations": reservations_of(scope).filter(state__in=LIVE).count(),
        "servers": servers_of(scope).count(),
    }


def quota_meters(uses: Iterable[QuotaUse]) -> list[QuotaMeters]:
    """Return the meters of limits, those that are used most first."""
    return sorted(map(_meters, uses), key=lambda meters: (-meters.servers.used, -meters.use.gpu_hours))


def _meters(use: QuotaUse) -> QuotaMeters:
    label = f"{use.quota.server_type.name} · {use.quota.region.code}"
    allowed = use.quota.gpu_hours_per_month
    hours = None if allowed is None else Meter(label, use.gpu_hours, allowed, "GPU-hours")
    return QuotaMeters(use, Meter(label, use.servers, use.quota.limit, "servers"), hours)


def meters_of(scope: Scope) -> list[Meter]:
    """Return every limit on the organization's servers with what is in use now, the fullest first."""
    return [meters.servers for meters in quota_meters(use_of(quotas_of(scope.organization)))]
