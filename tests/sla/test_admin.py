"""Staff's pages: incidents, maintenance, evidence, months and credits."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.sla.models import Evidence, Incident, MaintenanceWindow, SlaCredit
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.sla import promises

pytestmark = pytest.mark.django_db


@pytest.fixture
def operations():
    return staff.browser(StaffRole.OPERATIONS)


def written(moment):
    return f"{moment:%Y-%m-%dT%H:%M}"


def test_an_incident_is_opened_spoken_about_and_explained(operations):
    server = factories.server()
    form = {
        "title": "A switch failed",
        "text": "We look.",
        "impact": "outage",
        "servers": server.name,
        "is_public": "on",
    }

    operations.post(staff.acts_of(Incident, "open"), form)
    row = Incident.objects.get()
    operations.post(staff.act_of(row, "update"), {"text": "Mended.", "goes_to": "resolved"})
    operations.post(staff.act_of(row, "explain"), {"root_cause": "Dust."})

    row.refresh_from_db()
    assert (row.state, row.root_cause, row.touched.get().server) == ("resolved", "Dust.", server)
    page = operations.get(staff.page_of(row)).content.decode()
    assert "Mended." in page
    assert server.name in page


def test_servers_that_there_are_not_are_named(operations):
    form = {"title": "x", "text": "y", "impact": "outage", "servers": "nowhere-1", "is_public": "on"}

    reply = operations.post(staff.acts_of(Incident, "open"), form)

    assert "There is no server nowhere-1." in reply.content.decode()
    assert not Incident.objects.exists()


def test_maintenance_is_announced_moved_and_called_off(operations):
    server = factories.server()
    begin = clock.now().replace(second=0, microsecond=0) + timedelta(days=20)
    form = {"title": "Firmware", "region": server.region_id, "servers": server.public_id}
    times = {"starts_at": written(begin), "ends_at": written(begin + timedelta(hours=1))}

    operations.post(staff.acts_of(MaintenanceWindow, "announce"), {**form, **times})
    row = MaintenanceWindow.objects.get()
    times = {"starts_at": written(begin + timedelta(days=1)), "ends_at": written(begin + timedelta(days=1, hours=1))}
    operations.post(staff.act_of(row, "move"), times)
    operations.post(staff.act_of(row, "cancel"), {"reason": "not needed"})

    row.refresh_from_db()
    assert (row.state, row.span.start) == ("cancelled", begin + timedelta(days=1))


@pytest.mark.parametrize("hours, text", [(-1, "after the start"), (48, "24 hours at most")])
def test_a_window_that_cannot_be_is_refused_at_its_field(operations, hours, text):
    server, begin = factories.server(), clock.now() + timedelta(days=20)
    times = {"starts_at": written(begin), "ends_at": written(begin + timedelta(hours=hours))}
    form = {"title": "Firmware", "region": server.region_id, "servers": server.public_id, **times}

    reply = operations.post(staff.acts_of(MaintenanceWindow, "announce"), form)

    assert text in reply.content.decode()
    assert not MaintenanceWindow.objects.exists()


def test_the_past_is_corrected_with_a_reason(operations):
    server, end = factories.server(), clock.now().replace(second=0, microsecond=0) - timedelta(hours=1)
    form = {"servers": server.name, "kind": "link", "value": "down", "reason": "ticket 7"}
    times = {"starts_at": written(end - timedelta(hours=1)), "ends_at": written(end)}

    operations.post(staff.acts_of(Evidence, "correct"), {**form, **times})

    row = Evidence.objects.get()
    assert (row.server, row.kind, row.value, row.source, row.note) == (server, "link", "down", "staff", "ticket 7")


def test_months_and_credits_are_read_and_nobody_makes_them(operations):
    credit = promises.credit()
    month = promises.month(credit)

    for row in (credit, month):
        assert operations.get(staff.page_of(row)).status_code == 200
        assert operations.get(staff.list_of(type(row))).status_code == 200
    assert "USD 48.00" in operations.get(staff.page_of(SlaCredit.objects.get())).content.decode()
    assert operations.get(staff.page_of(credit.reservation)).content.decode().count("USD 48.00") == 1


def test_sales_look_and_do_not_act():
    sales, row = staff.browser(StaffRole.SALES), promises.incident(servers=[factories.server()])

    assert sales.get(staff.page_of(row)).status_code == 200
    assert sales.get(staff.acts_of(Incident, "open")).status_code == 403
