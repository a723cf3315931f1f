"""The reserve page."""

import html
import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.reservations.models import Reservation
from portal.tenancy.models import SSHKey
from portal.tenancy.roles import Role
from tests import factories
from tests.web.conftest import browser_of


def nothing_changed(before):
    return (Reservation.objects.count(), SSHKey.objects.count(), AuditEvent.objects.count()) == before


@pytest.fixture
def before(order):
    return (Reservation.objects.count(), SSHKey.objects.count(), AuditEvent.objects.count())


def test_cost_end_and_terms_stand_beside_the_button(web, plan):
    page = web.get(f"/reserve?{urlencode(plan)}").content.decode().replace("\u00d7", "x")

    assert "Reserve for $960.00" in page
    assert "16 GPU x 24 h x $2.50" in page
    assert "Free cancellation at any time." in page
    assert "their disks erased" in page
    assert "Within quota (2 of 64 servers)." in page


def test_reserving_without_scripts_leads_to_the_reservation(web, order, buyer):
    reply = web.post("/reserve", order)

    made = Reservation.objects.get()
    assert reply.url == f"/reservations/{made.public_id}"
    assert (made.name, made.count, made.project, made.state) == ("train-7b", 2, buyer.project, "provisioning")
    assert made.span.duration == timedelta(hours=24)
    assert made.ssh_keys == [factories.KEY]


def test_a_pasted_key_is_saved_with_the_project(web, order, buyer):
    buyer.project.ssh_keys.all().delete()

    reply = web.post("/reserve", order | {"ssh_keys": [], "new_key": factories.KEY + "\r\n"})

    assert reply.status_code == 302
    assert [key.name for key in buyer.project.ssh_keys.all()] == ["ana@lab"]
    assert Reservation.objects.get().ssh_keys == [factories.KEY]


def test_line_ends_of_browsers_do_not_reach_the_server(web, order):
    web.post("/reserve", order | {"user_data": "#!/bin/sh\r\necho '{{ x }}'\r\n"})

    assert Reservation.objects.get().user_data == "#!/bin/sh\necho '{{ x }}'\n"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "{{ 7*7 }}"}, "name"),
        ({"name": 'a"b'}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "-x"}, "name"),
        ({"name": "x" * 41}, "name"),
        ({"image": "img_foreign"}, "image"),
        ({"ssh_keys": ["key_foreign"]}, "ssh_keys"),
        ({"ssh_keys": []}, "ssh_keys"),
        ({"new_key": "ssh-ed25519 AAAA"}, "new_key"),
        ({"new_key": "-----BEGIN OPENSSH PRIVATE KEY-----"}, "new_key"),
        ({"new_key": f"{factories.KEY}\n{factories.KEY}"}, "new_key"),
        ({"user_data": "x" * (16 * 1024 + 1)}, "user_data"),
        ({"user_data": "a\x00b"}, "user_data"),
        ({"count": "0"}, "count"),
        ({"start": "2001-01-01T00:00"}, "start"),
        ({"type": "abacus"}, "type"),
    ],
)
def test_bad_input_is_named_on_its_field_and_nothing_is_lost_or_changed(web, order, before, fields, field):
    kept = {"name": "train-7b", "user_data": "echo kept"} | fields

    reply = web.post("/reserve", order | kept)

    page = reply.content.decode()
    assert reply.status_code == 422
    assert f'id="id_{field}_error"' in page
    assert "error-summary" in page
    assert fields.get("user_data", "echo kept") in page
    assert nothing_changed(before)


def test_a_name_in_use_is_refused_on_the_field(web, order, buyer):
    web.post("/reserve", order)

    reply = web.post("/reserve", order)

    assert reply.status_code == 422
    assert b"has a reservation named" in reply.content
    assert b'id="id_name_error"' in reply.content
    assert Reservation.objects.count() == 1


def test_without_capacity_the_page_offers_what_is_near_and_keeps_what_was_typed(web, order, buyer):
    factories.reservation(buyer, count=7, starts_at=clock.now() + timedelta(minutes=1))
    keys = SSHKey.objects.count()

    reply = web.post("/reserve", order | {"new_key": factories.KEY.replace("ana@lab", "ben@lab"), "name": "late"})

    page = reply.content.decode()
    assert reply.status_code == 409
    assert "1 of 2 x 8 x H100 are free in one fabric" in page
    assert "1 instead of 2" in page
    assert not re.search(r"\dT\d\d:\d\d:\d\dZ\.", page), "instants are written for people"
    assert 'value="late"' in page
    assert "ben@lab" in page
    assert (Reservation.objects.count(), SSHKey.objects.count()) == (1, keys)


def test_taking_what_is_offered_shows_its_price_and_loses_nothing(web, order, buyer):
    factories.reservation(buyer, count=7, starts_at=clock.now() + timedelta(minutes=1))
    typed = order | {"name": "late", "new_key": "half a ke", "user_data": "echo kept\r\n"}
    refused = web.post("/reserve", order | {"name": "late"})
    fewer = next(near.query for near in refused.context["offers"] if near.title == "1 instead of 2")
    assert f'name="take" value="{html.escape(fewer)}"' in refused.content.decode()

    taken = web.post("/reserve", typed | {"take": fewer})

    page = taken.content.decode()
    assert taken.status_code == 200
    assert "Reserve for $480.00" in page
    assert "error-summary" not in page
    for kept in ('value="late"', "half a ke", "echo kept"):
        assert kept in page
    assert taken.context["form"]["ssh_keys"].value() == order["ssh_keys"]
    assert Reservation.objects.count() == 1


def test_taking_nonsense_shows_what_is_wrong_with_it(web, order, before):
    reply = web.post("/reserve", order | {"take": "type=abacus&count=0&start=\x00"})

    assert reply.status_code == 422
    assert b'id="id_type_error"' in reply.content
    assert nothing_changed(before)


def test_everything_that_is_wrong_is_named_at_once(web, order, before):
    wrong = {"name": "{{ 7*7 }}", "new_key": "-----BEGIN OPENSSH PRIVATE KEY-----", "user_data": "x" * 16385}

    form = web.post("/reserve", order | wrong | {"count": "0"}).context["form"]

    assert set(form.errors) == {"name", "new_key", "user_data"}
    assert nothing_changed(before)


def test_over_quota_is_a_refusal_of_its_own(web, order, buyer, before):
    buyer.organization.quotas.update(limit=1)

    reply = web.post("/reserve", order)

    assert reply.status_code == 409
    assert b"may hold 1 x 8 x H100" in reply.content
    assert nothing_changed(before)


def test_a_plan_that_cannot_be_goes_back_to_the_search(web, plan):
    reply = web.get("/reserve", plan | {"type": ""})

    assert reply.status_code == 302
    assert reply.url.startswith("/availability?type=&region=eu-north-1&count=2")


def test_a_viewer_may_not_reserve(buyer, order, before):
    viewer = factories.scope(Role.VIEWER, buyer.project)

    reply = browser_of(viewer).post("/reserve", order)

    assert reply.status_code == 403
    assert nothing_changed(before)
