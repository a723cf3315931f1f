"""The page of promises, and the status that everybody may see."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from portal.core.actors import SYSTEM
from portal.sla.models import MaintenanceServer
from portal.sla.services.measuring import measure_month
from portal.tenancy.roles import Role
from portal.web.promises import percent
from tests import factories
from tests.sla import promises, world
from tests.sla.world import DAY, FEBRUARY, JANUARY

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def february():
    with time_machine.travel(FEBRUARY + DAY, tick=False) as hand:
        yield hand


@pytest.fixture
def had():
    world.tier()
    made = world.handed_over(name="train")
    world.outage(world.server_of(made), JANUARY + 3 * DAY, 180)
    return made


def browser(project, role=None):
    person = factories.member(project.organization, role) if role else project.organization.memberships.get().user
    client = Client()
    client.force_login(person)
    return client


def test_an_outage_its_credit_and_the_arithmetic_are_shown(had):
    measure_month(actor=SYSTEM, month=JANUARY.date())

    page = browser(had.project).get("/sla?month=2030-01").content.decode()

    assert "98.75 %" in page
    assert "$1,200.00" in page
    assert "864,000 s measured, 10,800 s down" in page
    assert "25 % of 4,800.00 USD = USD 1,200.00" in page
    assert '<rect class="down" x="96.77" y="0" width="4.03"' in page


def test_a_month_without_servers_and_one_that_is_none_are_pages_too(had):
    client = browser(had.project)

    assert "Nothing was handed over" in client.get("/sla?month=2029-01").content.decode()
    assert "Give a calendar month" in client.get("/sla?month=nonsense").content.decode()
    assert client.get("/sla?month=2099-01").status_code == 200


def test_an_availability_is_cut_and_not_rounded_up():
    assert percent(Decimal("99.9996")) == "99.999 %"
    assert percent(Decimal(100)) == "100 %"


def test_maintenance_is_put_off_on_the_page(had, february):
    february.move_to(JANUARY + 2 * DAY)
    server = world.server_of(had)
    window = promises.maintenance(server=server)
    turn = MaintenanceServer.objects.get()
    address = f"/maintenance/{window.public_id}/servers/{server.public_id}/defer"
    client = browser(had.project)

    assert address in client.get("/sla").content.decode()
    client.post(address, {f"{turn.pk}-starts_at": "2030-01-15 08:00"})
    assert "begins at 2030-01-15T08:00:00Z" in client.get("/sla").content.decode()
    client.post(address, {f"{turn.pk}-starts_at": "2031-01-20 08:00"})
    client.post(address, {f"{turn.pk}-starts_at": "soon"})
    turn.refresh_from_db()
    assert turn.span.start == JANUARY + 14 * DAY + timedelta(hours=8)
    assert browser(had.project, Role.VIEWER).post(address, {}).status_code == 403


def test_the_status_needs_no_login_and_names_no_tenant(had, client):
    promises.incident(servers=[world.server_of(had)], region=factories.region())
    promises.maintenance(server=world.server_of(had))

    reply = client.get("/status")

    page = reply.content.decode()
    assert reply.status_code == 200
    assert "Outage" in page
    assert "A switch failed" in page
    assert "Firmware" in page
    named = (had.name, had.public_id, world.server_of(had).public_id, world.server_of(had).name)
    assert [name for name in named if name in page] == []


@pytest.mark.parametrize("month", ["0001-01", "2000-01", "9999-12", "2029-13", ""])
def test_any_month_that_is_asked_for_is_a_page(had, month):
    assert browser(had.project).get("/sla", {"month": month}).status_code == 200
