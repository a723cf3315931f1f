"""Questions about limits."""

from django.db import models

from portal.fleet.models import Region, ServerType
from portal.quotas.models import Quota
from portal.tenancy.models import Organization


def quotas_of(organization: Organization) -> models.QuerySet[Quota]:
    """Return the limits of an organization."""
    return (
        Quota.objects.select_related("server_type", "region")
        .filter(organization=organization)
        .order_by("server_type__slug", "region__code")
    )


def quota_for(organization: Organization, server_type: ServerType, region: Region) -> models.QuerySet[Quota]:
    """Return the limit that applies, as a QuerySet of at most one row, so that it can be locked."""
    return Quota.objects.filter(organization=organization, server_type=server_type, region=region)
