"""Mails about webhooks."""

from portal.core.mail import mail_people
from portal.tenancy.roles import Role
from portal.tenancy.selectors import addresses_of
from portal.webhooks.models import Endpoint


def tell_of_disabling(endpoint: Endpoint, reason: str) -> None:
    """Tell those who manage a project's webhooks that one of them is disabled, which the tenant did not ask for."""
    mail_people(
        f"A webhook of {endpoint.project} is disabled",
        f"The webhook {endpoint.public_id} of {endpoint.project}, {endpoint.url}, is disabled: {reason}.\n"
        "Nothing is posted to it any more, and what waited is given up. Once the receiver works, enable it again and "
        "have sent again what you need.",
        addresses_of(endpoint.project.organization, (Role.OWNER, Role.ADMIN)),
        page=f"/webhooks/{endpoint.public_id}",
        otherwise=f"{endpoint.public_id} is disabled",
    )
