"""The side navigation as a table."""

from dataclasses import dataclass

from django.urls import reverse


@dataclass(frozen=True)
class Entry:
    """One line: the URL name in the ``web`` namespace (also its keyboard target), its word and its icon."""

    key: str
    label: str
    icon: str


@dataclass(frozen=True)
class Item:
    """An entry as it is drawn on one page."""

    key: str
    label: str
    icon: str
    href: str
    current: bool
    count: int | None
    """The number beside it; None where there is none to show."""

    @property
    def counts(self) -> bool:
        """Whether a number can stand beside it."""
        return self.count is not None


@dataclass(frozen=True)
class Group:
    """Entries under one heading; the first group has none."""

    title: str
    items: tuple[Item, ...]


GROUPS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "",
        (
            Entry("dashboard", "Dashboard", "layout-dashboard"),
            Entry("availability", "Availability", "calendar-days"),
            Entry("reservations", "Reservations", "ticket-check"),
            Entry("quotes", "Quotes", "clock"),
            Entry("waitlist", "Waiting list", "bell"),
            Entry("servers", "Servers", "server"),
        ),
    ),
    (
        "Project",
        (
            Entry("ssh-keys", "SSH keys", "key-round"),
            Entry("images", "Images", "hard-drive"),
            Entry("quotas", "Quotas", "gauge"),
            Entry("webhooks", "Webhooks", "webhook"),
        ),
    ),
    (
        "Billing",
        (
            Entry("usage", "Usage", "chart-column"),
            Entry("budgets", "Budgets", "gauge"),
            Entry("invoices", "Invoices", "receipt"),
            Entry("contracts", "Contracts", "scroll-text"),
        ),
    ),
    ("Trust", (Entry("sla", "SLA & incidents", "shield-check"),)),
)

PARENTS = {
    "reserve": "availability",
    "hold": "availability",
    "quote": "quotes",
    "contract": "contracts",
    "waitlist-join": "waitlist",
    "reservation": "reservations",
    "change": "reservations",
    "transfer": "reservations",
    "release": "reservations",
    "cancel": "reservations",
    "invoice": "invoices",
    "webhook": "webhooks",
}
"""Pages that have no line of their own and light up another's."""


def draw(current: str, counts: dict[str, int]) -> tuple[Group, ...]:
    """Return the groups for a page called ``current``, with the numbers that stand beside some entries."""
    lit = PARENTS.get(current, current)
    return tuple(
        Group(
            title,
            tuple(
                Item(e.key, e.label, e.icon, reverse(f"web:{e.key}"), e.key == lit, counts.get(e.key)) for e in entries
            ),
        )
        for title, entries in GROUPS
    )
