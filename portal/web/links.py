"""The queries of addresses that ask for something: what pages link to."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from portal.core import clock
from portal.reservations.capacity import Demand
from portal.reservations.models import Quote
from portal.web.forms.lengths import length_code
from portal.web.forms.plan import Plan

FIELD = "%Y-%m-%dT%H:%M:%S"


def fields_of(demand: Demand, *, starts_now: bool) -> dict[str, str]:
    """Return the fields that ask for a demand; a start "now" stays "now" and its end a length."""
    fields = {
        "type": demand.server_type.slug,
        "region": demand.region.code,
        "fabric": demand.fabric.name if demand.fabric else "",
        "count": str(demand.count),
        "placement": str(demand.placement),
    }
    if starts_now:
        return fields | {"start": "", "length": length_code(demand.period.duration), "end": ""}
    start = _whole(demand.period.start)
    end = start + demand.period.duration
    return fields | {"start": f"{start:{FIELD}}", "length": "", "end": f"{end:{FIELD}}"}


def demand_fields(quote: Quote) -> dict[str, str]:
    """Return the fields that ask for what a quote is for; one that began meanwhile begins now."""
    demand = Demand(quote.server_type, quote.region, quote.count, quote.span, quote.placement, fabric=quote.fabric)
    return fields_of(demand, starts_now=quote.span.start <= clock.now())


def query_of(demand: Demand, plan: Plan) -> str:
    """Return the query that asks for ``demand``, which is a plan's or near to it."""
    return urlencode(fields_of(demand, starts_now=_is_now(demand, plan)))


def calendar_query(demand: Demand, plan: Plan, more: Mapping[str, str], fabric: str = "") -> str:
    """Return the query that chooses a demand in the calendar, which goes on showing what it shows (``more``)."""
    fields = fields_of(demand, starts_now=_is_now(demand, plan))
    pool = "@".join((fields.pop("type"), fields.pop("region"), fields.pop("fabric") or fabric))
    return urlencode({**fields, **more, "pick": pool})


def _is_now(demand: Demand, plan: Plan) -> bool:
    return plan.starts_now and demand.period.start == plan.period.start


def _whole(moment: datetime) -> datetime:
    """Return the moment if it is on a second, else the next full minute: never before something becomes free."""
    if not moment.microsecond:
        return moment
    return moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
