"""Credits for missed promises become credit that invoices take off, with nothing asked of anybody."""

from datetime import date
from decimal import ROUND_DOWN, Decimal

from django.db import transaction

from portal.billing.models import CreditGrant
from portal.billing.services.credits import grant_credit
from portal.core.actors import Actor
from portal.core.locks import lock_rows
from portal.core.months import next_month
from portal.sla.crediting import Reason
from portal.sla.models import SlaCredit
from portal.sla.selectors import credits_to_invoice
from portal.sla.services.credits import mark_invoiced
from portal.tenancy.models import Organization

PLACES = Decimal("0.001")
LATE = {Reason.LATE_HANDOVER: "handed over late", Reason.LATE_REPLACEMENT: "replaced late"}
NEVER = {Reason.LATE_HANDOVER: "not handed over", Reason.LATE_REPLACEMENT: "not replaced"}


@transaction.atomic
def take_up_credits(*, actor: Actor, organization: Organization, month: date) -> list[CreditGrant]:
    """Grant what is due to an organization for missed promises of a month and of earlier ones; return the grants.

    The reference of a grant is the public id of the credit that it is for, so that none is granted twice.
    """
    made = []
    for credit in lock_rows(credits_to_invoice(organization, next_month(month))):
        # Somebody may have granted it by hand.
        grant = CreditGrant.objects.filter(reference=credit.public_id).first() or grant_credit(
            actor=actor,
            organization=organization,
            amount=credit.money,
            label=words_of(credit),
            reference=credit.public_id,
            month=credit.month,
        )
        mark_invoiced(actor=actor, credit=credit, reference=grant.public_id)
        made.append(grant)
    return made


def words_of(credit: SlaCredit) -> str:
    """Return what an invoice says of a credit. How it was worked out stands with the credit itself."""
    whose = f"{credit.reservation.name}, server {credit.server.public_id}, {credit.month:%B %Y}"
    reason = Reason(credit.reason)
    if reason in LATE:
        came = all(late["came_at"] for late in credit.arithmetic.get("late", ()))
        said = LATE[reason] if came else NEVER[reason]
        return f"{whose}: {said}, {credit.percent.normalize():f} % of a day's price"
    # Never shown as more than it was.
    measured = Decimal(credit.arithmetic["availability"]).quantize(PLACES, rounding=ROUND_DOWN)
    return f"{whose}: {measured} % available, {credit.percent.normalize():f} % of its price"
