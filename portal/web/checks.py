"""The checks that a reservation will meet, told apart before anybody commits: capacity, quota, approval limit."""

from dataclasses import dataclass

from portal.core.money import Money
from portal.quotas.models import QuotaScope
from portal.reservations.approval import look_at_approval
from portal.reservations.capacity import Demand, free_count
from portal.reservations.quota_check import Measure, QuotaCheck, look_at_quotas
from portal.tenancy.scope import Scope


@dataclass(frozen=True)
class Check:
    """One check: what it looks at, whether it passes, and the sentence that says why."""

    name: str
    passes: bool
    text: str


def checks_for(scope: Scope, demand: Demand, total: Money) -> list[Check]:
    """Return the checks for a demand. They only inform: the service checks again under locks."""
    return [_capacity(demand), _quota(scope, demand), _approval(scope, total)]


def _capacity(demand: Demand) -> Check:
    free = free_count(demand)
    where = f"in fabric {demand.fabric.name}" if demand.fabric else "in one fabric"
    where = where if demand.same_fabric else "in this region"
    if free >= demand.count:
        return Check("Capacity", passes=True, text=f"Free for the whole period: {free} {where}.")
    return Check("Capacity", passes=False, text=f"Only {free} of {demand.count} are free {where} for the whole period.")


def _quota(scope: Scope, demand: Demand) -> Check:
    looks = look_at_quotas(
        project=scope.project,
        server_type=demand.server_type,
        region=demand.region,
        count=demand.count,
        period=demand.period,
    )
    tightest = next((look for look in looks if not look.passes), looks[0])
    return Check("Quota", passes=tightest.passes, text=_quota_text(tightest))


def _quota_text(look: QuotaCheck) -> str:
    whose = "the project's" if look.scope is QuotaScope.PROJECT else "your"
    what = "servers" if look.measure is Measure.SERVERS else f"GPU-hours in {look.month}"
    total = look.used + look.requested
    if look.passes:
        return f"Within quota ({total} of {look.limit} {what})."
    if look.limit == 0:
        return "No quota for this server type here. Ask for one."
    room = max(0, look.limit - look.used)
    way_out = f"Choose at most {room}, or ask" if room and look.measure is Measure.SERVERS else "Ask"
    return f"Over {whose} quota: {total} of {look.limit} {what}. {way_out} for more."


def _approval(scope: Scope, total: Money) -> Check:
    look = look_at_approval(scope, total)
    if look.limit is None:
        return Check("Approval", passes=True, text="No approval needed.")
    if look.passes:
        return Check("Approval", passes=True, text=f"Within your approval limit of {look.limit}.")
    return Check("Approval", passes=False, text=f"Above your approval limit of {look.limit}: ask an owner or admin.")
