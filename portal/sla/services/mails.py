"""Mails about promises. One that cannot be sent holds up nobody: what it says stands on the pages too."""

import logging
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.core.mail import send_mail

from portal.sla.models import SlaCredit
from portal.tenancy.models import Project
from portal.tenancy.selectors import notification_addresses

log = logging.getLogger(__name__)


def mail(projects: Iterable[Project], subject: str, text: str) -> None:
    """Send a text to those who want to know what happens to a project's reservations, once for each project."""
    for project in projects:
        try:
            send_mail(subject, f"{text}\n\n{page()}\n", None, notification_addresses(project))
        except OSError:
            # SMTP errors are OSErrors too.
            log.exception("%s was not told by mail: %s", project.public_id, subject)


def page() -> str:
    """Return the address of the page that says the same."""
    return f"{settings.METALYARD_PUBLIC_URL}/sla"


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
