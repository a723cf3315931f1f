"""Setting limits."""

from django.db import transaction

from portal.audit.services import record
from portal.core.actors import Actor
from portal.core.errors import InvalidInput
from portal.fleet.models import Region, ServerType
from portal.quotas.models import Quota
from portal.tenancy.models import Organization

LARGEST_LIMIT = 100_000


@transaction.atomic
def set_quota(
    *, actor: Actor, organization: Organization, server_type: ServerType, region: Region, limit: int
) -> Quota:
    """Set the most servers that an organization may hold at once. What it holds already stays.

    Raises InvalidInput on ``limit`` outside 0 to LARGEST_LIMIT.
    """
    if not 0 <= limit <= LARGEST_LIMIT:
        raise InvalidInput.of("limit", "out_of_range", f"Give a number of servers from 0 to {LARGEST_LIMIT}.")
    quota, _ = Quota.objects.update_or_create(
        organization=organization, server_type=server_type, region=region, defaults={"limit": limit}
    )
    record(
        actor=actor,
        verb="quota.set",
        target=quota.public_id,
        scope=organization.public_id,
        data={"limit": limit, "server_type": server_type.slug, "region": region.code},
    )
    return quota
