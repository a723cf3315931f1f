"""What tenants can have posted to them: one table from stable type to the sentence that explains it."""

EVENT_TYPES: dict[str, str] = {
    "reservation.confirmed": "A reservation is made; its state is `scheduled`.",
    "reservation.provisioning": "Its servers are being prepared.",
    "reservation.start_delayed": "It waits for servers that are still being erased.",
    "reservation.active": "Its servers are handed over; `degraded` says whether some are missing.",
    "reservation.failed": "None of its servers could be handed over.",
    "reservation.extended": "It ends later.",
    "reservation.shortened": "It ends earlier.",
    "reservation.enlarged": "It gets more servers.",
    "reservation.added_servers_ready": "Added servers are handed over.",
    "reservation.ending_soon": "It ends soon: save your data.",
    "reservation.ending": "It ends; the servers are taken back and erased.",
    "reservation.ended": "All its servers are taken back.",
    "reservation.cancelled": "It was cancelled before it began.",
    "waitlist.offered": "Capacity that somebody waits for is held until the offer expires.",
    "incident.opened": "Something is wrong that touches servers of the project.",
    "incident.updated": "There is news of such an incident, or its root cause.",
    "incident.resolved": "Such an incident is over.",
    "maintenance.announced": "Work on servers of the project is announced.",
    "maintenance.changed": "Announced work is moved.",
    "maintenance.cancelled": "Announced work is called off.",
    "sla.credited": "A promise was missed: credits go on the next invoice.",
    "invoice.issued": "An invoice of the organization is issued.",
}

PING = "webhook.ping"
"""Sent only when it is asked for, whatever an endpoint has chosen."""
