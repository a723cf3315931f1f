"""The checks that a reservation will meet, told apart before anybody commits: capacity and quota."""

from dataclasses import dataclass

from portal.quotas.selectors import quota_for
from portal.reservations.capacity import Demand, free_count
from portal.reservations.services.reserve import held_at_once
from portal.tenancy.models import Organization


@dataclass(frozen=True)
class Check:
    """One check: whether it passes, and the sentence that says why."""

    passes: bool
    text: str


def checks_for(organization: Organization, demand: Demand) -> list[Check]:
    """Return the checks for a demand. They only inform: the service checks again under locks."""
    return [_capacity(demand), _quota(organization, demand)]


def _capacity(demand: Demand) -> Check:
    free = free_count(demand)
    where = "in one fabric" if demand.same_fabric else "in this region"
    if free >= demand.count:
        return Check(passes=True, text=f"Free for the whole period: {free} {where}.")
    return Check(passes=False, text=f"Only {free} of {demand.count} are free {where} for the whole period.")


def _quota(organization: Organization, demand: Demand) -> Check:
    quota = quota_for(organization, demand.server_type, demand.region).first()
    used = held_at_once(organization, demand)
    limit = quota.limit if quota else 0
    total = used + demand.count
    if quota and quota.admits(used=used, requested=demand.count):
        return Check(passes=True, text=f"Within quota ({total} of {limit} servers).")
    if quota is None:
        return Check(passes=False, text="No quota for this server type here. Ask sales for one.")
    room = max(0, limit - used)
    way_out = f"Choose at most {room}, or ask" if room else "Ask"
    return Check(passes=False, text=f"Over quota: {total} of {limit} servers. {way_out} sales for more.")
