"""Maintenance: announced to those whom it concerns, moved, put off, called off, over."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail

from portal.core.actors import SYSTEM
from portal.core.errors import Forbidden, InvalidInput, NotFound, StateConflict
from portal.core.periods import Period
from portal.sla.models import MaintenanceServer, MaintenanceWindow
from portal.sla.selectors import maintenance_of, over_maintenance, public_maintenance
from portal.sla.services.maintenance import (
    announce_maintenance,
    cancel_maintenance,
    defer_maintenance,
    finish_maintenance,
    move_maintenance,
)
from portal.tenancy.roles import Role
from tests import factories
from tests.sla import world
from tests.sla.world import DAY, JANUARY

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
BEGIN = JANUARY + 20 * DAY


@pytest.fixture(autouse=True)
def in_january():
    with time_machine.travel(JANUARY + 2 * DAY, tick=False) as hand:
        yield hand


@pytest.fixture
def buyer():
    return factories.buyer()


@pytest.fixture
def server(buyer):
    world.tier(may_defer_days=5)
    return world.server_of(world.handed_over(days=60, buyer=buyer))


def announce(server, begin=BEGIN, **kwargs):
    what = {"title": "Firmware", "region": server.region, "servers": [server], "period": Period(begin, begin + HOUR)}
    return announce_maintenance(actor=SYSTEM, **{**what, **kwargs})


def test_tenants_who_have_the_servers_are_told(server, buyer, django_capture_on_commit_callbacks):
    factories.buyer()

    with django_capture_on_commit_callbacks(execute=True):
        made = announce(server, text="A new firmware of the BMC.")

    assert [row.server for row in maintenance_of(buyer)] == [server]
    assert list(public_maintenance()) == [made]
    assert not maintenance_of(factories.scope()).exists()
    assert [(one.subject, one.to) for one in mail.outbox] == [
        ("Maintenance is announced: Firmware", [buyer.organization.memberships.get().user.email])
    ]
    assert "A new firmware" in mail.outbox[0].body


@pytest.mark.parametrize(
    "wrong, field",
    [
        ({"title": " "}, "title"),
        ({"servers": []}, "servers"),
        ({"begin": JANUARY}, "period"),
        ({"period": Period(BEGIN, BEGIN + 25 * HOUR)}, "period"),
    ],
)
def test_what_cannot_be_is_refused(server, wrong, field):
    with pytest.raises(InvalidInput) as refused:
        announce(server, **wrong)

    assert [error.field for error in refused.value.errors] == [field]
    assert not MaintenanceWindow.objects.exists()


def test_servers_of_another_region_are_refused(server):
    other = factories.server(in_fabric=factories.fabric("Z", factories.region("us-east-1")))

    with pytest.raises(InvalidInput):
        announce(server, servers=[server, other])

    assert not MaintenanceWindow.objects.exists()


def test_a_tenant_puts_its_servers_turn_off_within_the_days_of_its_tier(server, buyer):
    window = announce(server)
    what = {"scope": buyer, "actor": buyer.actor, "window": window, "server": server}

    turn = defer_maintenance(**what, starts_at=BEGIN + 5 * DAY)

    assert turn.span == Period(BEGIN + 5 * DAY, BEGIN + 5 * DAY + HOUR)
    for wrong in (BEGIN + 5 * DAY + HOUR, BEGIN - HOUR):
        with pytest.raises(InvalidInput):
            defer_maintenance(**what, starts_at=wrong)
    turn.refresh_from_db()
    assert turn.span.start == BEGIN + 5 * DAY
    # What was put off stays as the tenant chose.
    move_maintenance(actor=SYSTEM, window=window, period=Period(BEGIN + DAY, BEGIN + DAY + HOUR))
    turn.refresh_from_db()
    assert turn.span.start == BEGIN + 5 * DAY


def test_only_who_has_the_server_and_may_operate_puts_it_off(server, buyer, in_january):
    window = announce(server)
    other = factories.scope()
    with pytest.raises(NotFound):
        defer_maintenance(scope=other, actor=other.actor, window=window, server=server, starts_at=BEGIN + DAY)
    viewer = factories.scope(Role.VIEWER, buyer.project)
    with pytest.raises(Forbidden):
        defer_maintenance(scope=viewer, actor=viewer.actor, window=window, server=server, starts_at=BEGIN + DAY)
    in_january.move_to(BEGIN)
    with pytest.raises(StateConflict):
        defer_maintenance(scope=buyer, actor=buyer.actor, window=window, server=server, starts_at=BEGIN + DAY)

    assert MaintenanceServer.objects.get().deferred_at is None


def test_what_is_moved_has_its_notice_anew(server, in_january):
    window = announce(server)
    in_january.move_to(JANUARY + 3 * DAY)

    moved = move_maintenance(actor=SYSTEM, window=window, period=Period(BEGIN + DAY, BEGIN + DAY + HOUR))

    assert moved.announced_at == JANUARY + 3 * DAY
    assert moved.turns.get().first_start == BEGIN + DAY
    in_january.move_to(BEGIN + DAY)
    with pytest.raises(StateConflict):
        move_maintenance(actor=SYSTEM, window=window, period=Period(BEGIN + 3 * DAY, BEGIN + 4 * DAY))


def test_what_is_called_off_concerns_nobody(server, buyer):
    window = announce(server)

    cancel_maintenance(actor=SYSTEM, window=window, reason="not needed")

    assert not maintenance_of(buyer).exists()
    with pytest.raises(StateConflict):
        cancel_maintenance(actor=SYSTEM, window=window, reason="again")


def test_it_is_over_when_all_of_its_turns_are(server, buyer, in_january):
    window = announce(server)
    defer_maintenance(scope=buyer, actor=buyer.actor, window=window, server=server, starts_at=BEGIN + DAY)
    assert not over_maintenance().exists()
    in_january.move_to(BEGIN + HOUR)

    assert list(over_maintenance()) == [window]
    assert not finish_maintenance(actor=SYSTEM, window=window)
    in_january.move_to(BEGIN + DAY + HOUR)
    assert finish_maintenance(actor=SYSTEM, window=window)
    assert not finish_maintenance(actor=SYSTEM, window=window)
