"""What stands on the status page: the outage of the past, explained, and maintenance to come."""

from datetime import timedelta

from portal.core.periods import Period
from portal.fleet.models import Server
from portal.launcher.demo.business.cast import DAY, Cast, today
from portal.launcher.demo.business.cluster import PLACE, outage
from portal.reservations.models import Reservation
from portal.sla.models import Incident, IncidentServer, IncidentUpdate
from portal.sla.models.incident import Impact
from portal.sla.services.maintenance import announce_maintenance
from portal.sla.states import IncidentState

WORDS = (
    (timedelta(minutes=4), IncidentState.INVESTIGATING, "One server in Iowa does not answer. We look at it."),
    (timedelta(minutes=38), IncidentState.IDENTIFIED, "Both of its power supplies are off; a spare is on its way."),
    (timedelta(hours=6), IncidentState.MONITORING, "The power supplies are replaced; the server is up again."),
    (timedelta(hours=8), IncidentState.RESOLVED, "It has run without a fault for two hours."),
)
CAUSE = (
    "A firmware fault of one power supply tripped the breaker that both supplies of this server hung on. They are on "
    "two breakers now, here and in the 31 other servers that were wired alike; the firmware is updated."
)


def seed_incident(cast: Cast, reservation: Reservation) -> Incident:
    """Write the incident of the outage as it was told then, step by step."""
    began = outage().start
    server = reservation.allocations.get(position=1).server
    made = Incident.objects.create(
        state=IncidentState.RESOLVED,
        state_changed_at=began + WORDS[-1][0],
        created_at=began + WORDS[0][0],
        title="A server without power",
        region=server.region,
        impact=Impact.DEGRADED,
        began_at=began,
        resolved_at=began + WORDS[-1][0],
        root_cause=CAUSE,
        root_cause_at=began + 2 * DAY,
    )
    IncidentServer.objects.create(incident=made, server=server)
    IncidentUpdate.objects.bulk_create(
        IncidentUpdate(incident=made, at=began + after, state=state, text=text, author=cast.lead.label)
        for after, state, text in WORDS
    )
    return made


def seed_maintenance(cast: Cast) -> None:
    """Announce work on servers that nobody has by then."""
    slug, code = PLACE
    servers = list(
        Server.objects.select_related("region")
        .filter(server_type__slug=slug, region__code=code, is_spare=False)
        .order_by("-pk")[:8]
    )
    start = today() + 16 * DAY + timedelta(hours=4)
    announce_maintenance(
        actor=cast.lead,
        title="Firmware of power supplies",
        text="Each server is switched off for about 20 minutes.",
        region=servers[0].region,
        servers=servers,
        period=Period(start, start + timedelta(hours=4)),
    )
