"""Setting how a customer is billed."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from portal.audit.services import record
from portal.billing.models import BillingProfile
from portal.core.actors import Actor
from portal.core.errors import FieldError, InvalidInput
from portal.tenancy.models import Organization

FIELDS = (
    "legal_name",
    "address",
    "country",
    "tax_id",
    "tax_rate",
    "payment_days",
    "po_number",
    "is_prepaid",
    "is_reviewed",
)


@transaction.atomic
def set_profile(*, actor: Actor, organization: Organization, **values: Any) -> BillingProfile:
    """Set how a customer is billed; fields that are left out stay. Invoices that are written stay as they are.

    Raises InvalidInput on fields that are wrong, and TypeError for those that there are not.
    """
    unknown = sorted(set(values) - set(FIELDS))
    if unknown:
        raise TypeError(f"A billing profile has no {', '.join(unknown)}.")
    profile, _ = BillingProfile.objects.select_for_update().get_or_create(organization=organization)
    for name, value in values.items():
        setattr(profile, name, value)
    try:
        profile.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        found = [FieldError(name, "invalid", texts[0]) for name, texts in error.message_dict.items()]
        raise InvalidInput("The billing profile was not changed.", errors=found) from None
    profile.save()
    record(
        actor=actor,
        verb="billing.profile_set",
        target=organization.public_id,
        scope=organization.public_id,
        data={name: str(value) for name, value in values.items()},
    )
    return profile
