"""Mail tells people what a page of the portal says anyway, so that one which cannot be sent holds up nobody."""

import logging
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import send_mail

log = logging.getLogger(__name__)


def mail_people(subject: str, text: str, addresses: Sequence[str], *, page: str, otherwise: str) -> bool:
    """Mail a text and the address of the portal's page that says the same; tell whether that went well.

    Call it once the change is committed. ``page`` begins with a slash; ``otherwise`` tells the log what was not told
    to whom. Where there is no address nothing is sent. A line break in the subject, which may quote what somebody
    wrote, becomes a space: it would be a header of its own, which Django refuses.
    """
    if not addresses:
        return False
    try:
        send_mail(
            " ".join(subject.split()),
            f"{text.rstrip()}\n\n{settings.METALYARD_PUBLIC_URL}{page}\n",
            None,
            list(addresses),
        )
    except OSError:
        # SMTP errors are OSErrors too.
        log.exception("not told by mail: %s", otherwise)
        return False
    return True
