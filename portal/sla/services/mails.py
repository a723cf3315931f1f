"""Mails about promises. One that cannot be sent holds up nobody: what it says stands on the pages too."""

from collections.abc import Iterable, Sequence

from portal.core.mail import mail_people
from portal.sla.models import SlaCredit
from portal.tenancy.models import Project
from portal.tenancy.selectors import notification_addresses

PAGE = "/sla"
"""The page that says the same."""


def mail(projects: Iterable[Project], subject: str, text: str) -> None:
    """Send a text to those who want to know what happens to a project's reservations, once for each project."""
    for project in projects:
        addresses = notification_addresses(project)
        mail_people(subject, text, addresses, page=PAGE, otherwise=f"{project.public_id}: {subject}")


def tell_of_credits(credits: Sequence[SlaCredit]) -> None:
    """Tell a project of its credits of one month."""
    first = credits[0]
    lines = [f"{credit.reservation.name}: {credit.reason.replace('_', ' ')}, {credit.money}" for credit in credits]
    mail(
        [first.reservation.project],
        f"Credits for {first.month:%Y-%m}",
        f"In {first.month:%Y-%m} we did not keep what we promised. These credits go on your next invoice; you need not "
        "ask for them. The page below shows how each was worked out.\n\n" + "\n".join(lines),
    )
