"""One of each thing that has states, as a row."""

from datetime import date, timedelta
from decimal import Decimal

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.periods import Period
from portal.reservations.models import Allocation
from portal.sla.models import SlaCredit
from portal.sla.models.incident import Impact
from portal.sla.services.incidents import open_incident
from portal.sla.services.maintenance import announce_maintenance
from portal.sla.states import CreditState
from tests import factories
from tests.sla import world


def credit(**kwargs):
    """Return a credit for a server of a new reservation."""
    factories.server()
    made = factories.reservation(starts_at=None)
    fields = {
        "state": CreditState.DUE,
        "organization": made.organization,
        "reservation": made,
        "server": Allocation.objects.get(reservation=made).server,
        "month": date(2030, 1, 1),
        "reason": "availability",
        "tier": world.tier(is_default=False),
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
    begin = clock.now() + timedelta(days=3)
    what = {"title": "Firmware", "region": server.region, "servers": [server]}
    return announce_maintenance(actor=SYSTEM, **{**what, "period": Period(begin, begin + timedelta(hours=1)), **kwargs})
