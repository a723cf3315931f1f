"""Staff and the record."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from portal.audit.admin import AREAS
from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.core.actors import SYSTEM
from portal.core.models import Stateful
from portal.tenancy.staff import StaffRole
from tests import factories, staff

pytestmark = pytest.mark.django_db
SOURCES = [path for app in ("portal", "provisioning") for path in (Path(settings.BASE_DIR) / app).rglob("*.py")]


def listed(client, **parameters):
    return client.get(staff.list_of(AuditEvent), parameters).context["cl"].result_list


def test_the_areas_name_everything_that_is_recorded():
    written = {area for path in SOURCES for area in re.findall(r'verb="([a-z_]+)\.', path.read_text())}
    states = {kind.STATES.name for kind in Stateful.__subclasses__()}

    assert len(written) > 12
    assert (written | states) - {"demo"} == set(AREAS)


def test_the_record_is_filtered_by_area_and_doer():
    client, person = staff.browser(StaffRole.SALES), factories.user()
    record(actor=SYSTEM, verb="server.state_changed", target="srv_1")
    record(actor=SYSTEM, verb="server_type.times_set", target="x")
    record(actor=person.as_actor(), verb="server.erasure_recorded", target="srv_2")

    assert {event.verb for event in listed(client, area="server")} == {
        "server.state_changed",
        "server.erasure_recorded",
    }
    assert [event.target for event in listed(client, area="server", actor_kind="user")] == ["srv_2"]
    assert [event.target for event in listed(client, q=person.email)] == ["srv_2"]


def test_details_are_written_out_and_escaped():
    client = staff.browser(StaffRole.OPERATIONS)
    event = record(actor=SYSTEM, verb="server.x", target="srv_1", data={"reason": "<script>alert(1)</script>"})

    page = client.get(staff.page_of(event)).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page


def test_changes_of_state_say_from_where_to_where_and_why():
    client, server = staff.browser(), factories.server()
    data = {"from": "available", "to": "retired", "reason": "old <b>"}
    record(actor=SYSTEM, verb="server.state_changed", target=server.public_id, data=data)

    page = client.get(staff.page_of(server)).content.decode()

    assert "server.state_changed: available → retired (old &lt;b&gt;)" in page


def test_a_name_that_names_nothing_one_may_see_leads_to_the_first_page():
    token, _ = factories.token()
    client = staff.browser(StaffRole.OPERATIONS)

    assert client.get(f"/admin/audit/auditevent/of/{token.public_id}/").url == "/admin/"
