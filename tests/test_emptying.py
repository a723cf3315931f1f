"""Tests that commit leave the database as it was migrated, also where nothing may be deleted."""

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType

from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.core.actors import SYSTEM
from portal.fleet.models import Server
from tests import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("one after the other")]


@pytest.mark.parametrize("turn", ["before", "after"])
def test_what_was_committed_is_gone_and_what_django_knows_of_the_models_is_there(turn):
    found = [model.objects.exists() for model in (AuditEvent, Server, ContentType, Permission)]
    factories.servers(2)
    record(actor=SYSTEM, verb="server.x", target="srv_1")

    assert found == [False, False, True, True]
    assert (AuditEvent.objects.count(), Server.objects.count()) == (1, 2)
