"""What customers were reminded of."""

from portal.audit.staff import columns
from portal.audit.staff.panels import Panel, show_on
from portal.billing.models import Invoice, Reminder

show_on(
    Invoice,
    Panel(
        "Reminders",
        Reminder,
        lambda invoice: invoice.reminders.select_related("invoice"),
        (
            columns.field("stage", "Reminder"),
            columns.moment("sent_at", "Sent"),
            columns.column("To", lambda row: ", ".join(row.sent_to) or "nobody"),
            columns.column("Open then", lambda row: row.value),
        ),
    ),
)
