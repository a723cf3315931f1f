"""Mails about webhooks."""

import logging

from django.conf import settings
from django.core.mail import send_mail

from portal.tenancy.roles import Role
from portal.tenancy.selectors import addresses_of
from portal.webhooks.models import Endpoint

log = logging.getLogger(__name__)


def tell_of_disabling(endpoint: Endpoint, reason: str) -> None:
    """Tell those who manage a project's webhooks that one of them is disabled, which the tenant did not ask for."""
    text = (
        f"The webhook {endpoint.public_id} of {endpoint.project}, {endpoint.url}, is disabled: {reason}.\n"
        "Nothing is posted to it any more, and what waited is given up. Once the receiver works, enable it again and "
        "have sent again what you need at\n"
        f"{settings.METALYARD_PUBLIC_URL}/webhooks/{endpoint.public_id}\n"
    )
    try:
        addresses = addresses_of(endpoint.project.organization, (Role.OWNER, Role.ADMIN))
        send_mail(f"A webhook of {endpoint.project} is disabled", text, None, addresses)
    except OSError:
        # SMTP errors are OSErrors too. It holds up nobody: the webhook's page says so.
        log.exception("nobody was told by mail that %s is disabled", endpoint.public_id)
