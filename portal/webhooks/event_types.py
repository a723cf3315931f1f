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
    "maintenance.changed": "Announced work is moved, or put off for one `server`.",
    "maintenance.cancelled": "Announced work is called off.",
    "maintenance.completed": "Announced work is over.",
    "sla.credited": "A promise was missed: credits go on the next invoice.",
    "invoice.issued": "An invoice of the organization is issued.",
    "invoice.paid": "Nothing of an invoice is open any more.",
    "invoice.reopened": "A payment of an invoice was undone: something of it is open again.",
    "invoice.reminded": "An invoice is overdue, and a reminder was sent.",
    "invoice.voided": "An invoice is taken back: it counts for nothing.",
    "credit_note.issued": "A part of an invoice, or all of it, is not owed after all.",
    "budget.reached": "What is booked for the month has come to a percentage of a budget.",
    "contract.sent": "A contract of the project is ready to be signed.",
    "contract.activated": "A contract is in force; what it reserves is booked.",
    "contract.ended": "A contract is over: at the end of its term, early, or replaced by a later version.",
}

PING = "webhook.ping"
"""Sent only when it is asked for, whatever an endpoint has chosen."""
