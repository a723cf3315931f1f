"""One of each thing that has states, as a row."""

from datetime import date, timedelta
from decimal import Decimal

from portal.catalog.models import SlaTier
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.periods import Period
from portal.reservations.models import Allocation
from portal.sla.definitions import Condition
from portal.sla.models import ErrorBudget, Outage, ServerMonth, SlaCredit
from portal.sla.models.incident import Impact
from portal.sla.services.incidents import open_incident
from portal.sla.services.maintenance import announce_maintenance
from portal.sla.states import CreditState
from tests import factories
from tests.sla import world


def _tier():
    return SlaTier.objects.filter(slug="standard").first() or world.tier(is_default=False)


def credit(of=None, **kwargs):
    """Return a credit for a server of a reservation, or of a new one."""
    if of is None:
        factories.server()
    made = of or factories.reservation(starts_at=None)
    fields = {
        "state": CreditState.DUE,
        "organization": made.organization,
        "reservation": made,
        "server": Allocation.objects.filter(reservation=made)[0].server,
        "month": date(2030, 1, 1),
        "reason": "availability",
        "tier": kwargs.pop("tier", None) or _tier(),
        "definition": 1,
        "percent": Decimal(10),
        "amount": Decimal("48.00"),
        "currency": "USD",
        "arithmetic": {},
        **kwargs,
    }
    return SlaCredit.objects.create(**fields)


def incident(**kwargs):
    """Return an incident that is looked into."""
    words = {"title": "A switch failed", "text": "We look.", "impact": Impact.OUTAGE}
    return open_incident(actor=SYSTEM, **{**words, **kwargs})


def maintenance(**kwargs):
    """Return a window of a server, three days ahead."""
    server = kwargs.pop("server", None) or factories.server()
    begin = (clock.now() + timedelta(days=3)).replace(microsecond=0)
    what = {"title": "Firmware", "region": server.region, "servers": [server]}
    return announce_maintenance(actor=SYSTEM, **{**what, "period": Period(begin, begin + timedelta(hours=1)), **kwargs})


def month(credit):
    """Return the measured month that a credit is for, with an outage."""
    made = ServerMonth.objects.create(
        reservation=credit.reservation,
        server=credit.server,
        month=credit.month,
        definition=1,
        tier=credit.tier,
        availability=99,
        measured_seconds=1000,
        down_seconds=10,
        degraded_seconds=0,
        unknown_seconds=0,
        maintenance_seconds=0,
        tenant_seconds=0,
    )
    since = world.JANUARY
    Outage.objects.create(server_month=made, since=since, until=since + timedelta(seconds=10), condition="down")
    return made


def everything(reservation):
    """Make a row of everything, about a server of a reservation."""
    server = Allocation.objects.filter(reservation=reservation)[0].server
    made = credit(reservation)
    month(made)
    incident(servers=[server])
    maintenance(server=server)
    world.seen(server, Condition.UP, world.JANUARY, world.FEBRUARY)
    burns = dict.fromkeys(("burn_hour", "burn_six_hours", "burn_three_days"), 0)
    ErrorBudget.objects.get_or_create(tier=made.tier, defaults={"left": 100, "level": "quiet", **burns})
