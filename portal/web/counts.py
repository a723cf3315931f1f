"""Numbers that stand beside the navigation and in meters."""

from dataclasses import dataclass

from portal.quotas.models import Quota
from portal.quotas.selectors import quotas_of
from portal.reservations.selectors import held_now, reservations_of, servers_of
from portal.reservations.states import LIVE
from portal.tenancy.scope import Scope

TIGHT_PERCENT = 80


@dataclass(frozen=True)
class Meter:
    """How much of a limit is in use now."""

    quota: Quota
    used: int

    @property
    def label(self) -> str:
        """What is limited where."""
        return f"{self.quota.server_type.name} · {self.quota.region.code}"

    @property
    def limit(self) -> int:
        """The most that may be held at once."""
        return self.quota.limit

    @property
    def unit(self) -> str:
        """What is counted."""
        return "servers"

    @property
    def percent(self) -> int:
        """Share in use, 0 to 100; a limit of nothing is used up."""
        return min(100, self.used * 100 // self.limit) if self.limit else 100

    @property
    def tone(self) -> str:
        """How near the limit it is."""
        if self.used >= self.limit:
            return "bad"
        return "warn" if self.percent >= TIGHT_PERCENT else "ok"


def nav_counts(scope: Scope) -> dict[str, int]:
    """Return how many live reservations and present servers the project has."""
    return {
        "reservations": reservations_of(scope).filter(state__in=LIVE).count(),
        "servers": servers_of(scope).count(),
    }


def meters_of(scope: Scope) -> list[Meter]:
    """Return every limit of the organization with what is in use now, the fullest first."""
    held = held_now(scope.organization)
    meters = [
        Meter(quota, held.get((quota.server_type_id, quota.region_id), 0)) for quota in quotas_of(scope.organization)
    ]
    return sorted(meters, key=lambda meter: -meter.used)
