"""What everybody may know: how each region was and is, without a word about any tenant or server."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from portal.core import clock
from portal.fleet.selectors import regions
from portal.sla.models import Incident, MaintenanceWindow
from portal.sla.models.incident import Impact
from portal.sla.selectors import public_incidents, public_maintenance
from portal.sla.states import IncidentState

DAYS = 90
PORTAL = "portal"


class ComponentState(StrEnum):
    """How a component is."""

    OPERATIONAL = "operational"
    MAINTENANCE = "maintenance"
    DEGRADED = "degraded"
    OUTAGE = "outage"


RANK = {state: rank for rank, state in enumerate(ComponentState)}


@dataclass(frozen=True)
class Day:
    """One day of a component: the worst that it was."""

    day: date
    state: ComponentState


@dataclass(frozen=True)
class Component:
    """A region, or the portal itself."""

    key: str
    name: str
    state: ComponentState
    days: tuple[Day, ...]


@dataclass(frozen=True)
class Status:
    """The whole page."""

    at: datetime
    state: ComponentState
    components: tuple[Component, ...]
    open_incidents: tuple[Incident, ...]
    past_incidents: tuple[Incident, ...]
    maintenance: tuple[MaintenanceWindow, ...]


def status_now() -> Status:
    """Return how everything is and was in the last DAYS. A fixed number of questions."""
    now = clock.now()
    first = now.date() - timedelta(days=DAYS - 1)
    incidents = [row for row in public_incidents() if row.resolved_at is None or row.resolved_at.date() >= first]
    maintenance = tuple(public_maintenance())
    components = [
        _component(key, name, [row for row in incidents if _key(row) == key], maintenance, now)
        for key, name in [(PORTAL, "Portal and API"), *((region.code, region.name) for region in regions())]
    ]
    still_open = tuple(row for row in incidents if row.state != IncidentState.RESOLVED)
    return Status(
        now,
        max((component.state for component in components), key=RANK.__getitem__),
        tuple(components),
        still_open,
        tuple(row for row in incidents if row.state == IncidentState.RESOLVED),
        maintenance,
    )


def _key(incident: Incident) -> str:
    return incident.region.code if incident.region else PORTAL


def _component(
    key: str, name: str, incidents: list[Incident], windows: Iterable[MaintenanceWindow], now: datetime
) -> Component:
    in_work = any(window.region.code == key and window.span.contains(now) for window in windows)
    still_open = [_state_of(row) for row in incidents if row.state != IncidentState.RESOLVED]
    present = [ComponentState.MAINTENANCE if in_work else ComponentState.OPERATIONAL, *still_open]
    today = now.date()
    days = tuple(_day(today - timedelta(days=back), incidents, today) for back in reversed(range(DAYS)))
    return Component(key, name, max(present, key=RANK.__getitem__), days)


def _day(day: date, incidents: list[Incident], today: date) -> Day:
    there = [
        _state_of(row)
        for row in incidents
        if row.began_at.date() <= day <= (row.resolved_at.date() if row.resolved_at else today)
    ]
    return Day(day, max(there, key=RANK.__getitem__, default=ComponentState.OPERATIONAL))


def _state_of(incident: Incident) -> ComponentState:
    return ComponentState.OUTAGE if incident.impact == Impact.OUTAGE else ComponentState.DEGRADED
