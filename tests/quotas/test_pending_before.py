"""Requests from before there was a queue get into it by the migration."""

from importlib import import_module

import pytest
from django.apps import apps

from portal.approvals.models import Approval
from portal.quotas.models import QuotaRequest
from portal.tenancy.models import APIToken
from tests import factories

pytestmark = pytest.mark.django_db
MIGRATION = import_module("portal.quotas.migrations.0004_decided_by_two")


def put(scope, actor, code, state="pending"):
    """Return a request as it was kept then."""
    return QuotaRequest.objects.create(
        state=state,
        organization=scope.organization,
        project=scope.project,
        server_type=factories.server_type(),
        region=factories.region(code),
        limit=9,
        reason="a run",
        requested_by=actor.label,
        requested_by_id=actor.id,
    )


def test_what_is_pending_is_asked_for_in_the_name_of_who_asked():
    scope, (token, _) = factories.scope(), factories.token()
    maker = factories.user()
    APIToken.objects.filter(pk=token.pk).update(created_by=maker)
    first, second = put(scope, scope.actor, "north"), put(scope, token.as_actor(), "south")
    put(scope, scope.actor, "east", "declined")

    MIGRATION.ask_for_what_is_pending(apps, None)

    asked = list(Approval.objects.order_by("pk"))
    assert [(row.subject, row.requester_kind) for row in asked] == [
        (first.public_id, "user"),
        (second.public_id, "token"),
    ]
    assert [row.requested_by.public_id for row in asked] == [scope.actor.id, maker.public_id]
    assert asked[0].data == {
        "server_type": "h100x8",
        "region": "north",
        "limit": 9,
        "gpu_hours_per_month": None,
        "project": None,
    }
