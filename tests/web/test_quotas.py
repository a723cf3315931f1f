"""The page of quotas: what is in use, what was asked for, and asking."""

import re
from datetime import timedelta

import pytest

from portal.core import clock
from portal.quotas.intents import approve_request
from portal.quotas.models import QuotaRequest
from portal.tenancy.roles import Role
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.api.world import nothing_changes
from tests.web.conftest import browser_of

WISH = {"server_type": "h100x8", "region": "eu-north-1", "limit": "96", "gpu_hours_per_month": "", "reason": "more"}


def text(reply):
    return " ".join(re.sub(r"<[^>]+>", " ", reply.content.decode()).split())


def test_use_is_shown_for_the_organization_and_for_the_project(web, buyer):
    sister = factories.project(buyer.organization)
    buyer.organization.quotas.update(gpu_hours_per_month=1000)
    factories.reservation(buyer, count=2, starts_at=None, ends_at=clock.now() + timedelta(hours=2))
    before = text(web.get("/quotas"))
    factories.quota(buyer.organization, 4, project=buyer.project)
    factories.quota(buyer.organization, 77, project=sister)

    after = text(web.get("/quotas"))

    assert "2 of 64 servers" in before
    assert re.search(r"\d+\.\d\d of 1000 GPU-hours", before)
    assert "this project only" not in before
    assert f"{buyer.project.name}, this project only" in after
    assert "2 of 4 servers" in after
    assert "no monthly limit" in after
    assert "of 77 servers" not in after


def test_asking_and_withdrawing(web, buyer):
    assert web.post("/quotas", WISH).url == "/quotas"
    asked = QuotaRequest.objects.get()
    shown = web.get("/quotas").content.decode()

    assert (asked.limit, asked.gpu_hours_per_month, asked.applies_to) == (96, None, "organization")
    assert (asked.project, asked.requested_by_id) == (buyer.project, buyer.actor.id)
    assert "Sales have your request for 96 x 8 x H100." in shown
    assert f"/quotas/requests/{asked.public_id}/withdraw" in shown
    assert "Pending" in shown

    gone = web.post(f"/quotas/requests/{asked.public_id}/withdraw", follow=True)

    asked.refresh_from_db()
    assert asked.state == "withdrawn"
    assert "Your request for 96 x 8 x H100 is withdrawn." in text(gone)
    assert f"/quotas/requests/{asked.public_id}/withdraw" not in gone.content.decode()


def test_the_answer_is_shown_and_cannot_be_withdrawn(web, buyer):
    asked = factories.quota_request(buyer, 96)
    sales = staff.person(StaffRole.SALES).as_actor()
    approve_request(actor=sales, request=asked, limit=80, gpu_hours_per_month=None, reason="until May")

    shown = text(web.get("/quotas"))
    assert "Approved until May" in shown
    assert "granted 80" in shown
    with nothing_changes():
        assert web.post(f"/quotas/requests/{asked.public_id}/withdraw").url == "/quotas"
    assert "This request is answered already." in text(web.get("/quotas"))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"limit": ""}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "100001"}, "limit"),
        ({"limit": "64"}, "limit"),
        ({"gpu_hours_per_month": "10"}, "gpu_hours_per_month"),
        ({"server_type": "abacus"}, "server_type"),
        ({"region": "\x00"}, "region"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"reason": "\x00"}, "reason"),
    ],
)
def test_what_is_wrong_is_named_on_its_field_and_kept(web, wrong, field):
    with nothing_changes():
        reply = web.post("/quotas", WISH | wrong)

    assert reply.status_code == 422
    assert f'id="id_{field}_error"' in reply.content.decode()


def test_only_a_project_with_a_limit_of_its_own_can_ask_for_itself(web, buyer):
    assert b'name="applies_to"' not in web.get("/quotas").content
    factories.quota(buyer.organization, 4, project=buyer.project)
    assert b'name="applies_to"' in web.get("/quotas").content

    assert web.post("/quotas", WISH | {"limit": "5", "applies_to": "project"}).url == "/quotas"
    assert QuotaRequest.objects.get().applies_to == "project"


def test_the_form_begins_with_what_the_address_names(web):
    factories.server_type("b200", name="8 x B200")

    assert '<option value="b200" selected>' in web.get("/quotas?server_type=b200").content.decode()
    assert web.get("/quotas?server_type=%00&region=x").status_code == 200


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_who_may_only_look_is_offered_nothing(buyer, role):
    asked = factories.quota_request(buyer, 96)
    reader = browser_of(factories.scope(role, buyer.project))
    page = reader.get("/quotas").content.decode()

    assert asked.public_id in page
    assert "Ask for more" not in page
    assert "Withdraw" not in page
    with nothing_changes():
        assert reader.post("/quotas", WISH).status_code == 403
        assert reader.post(f"/quotas/requests/{asked.public_id}/withdraw").status_code == 403


def test_a_foreign_request_does_not_exist(stranger, buyer):
    asked = factories.quota_request(buyer, 96)

    with nothing_changes():
        assert stranger.post(f"/quotas/requests/{asked.public_id}/withdraw").status_code == 404
        assert stranger.get(f"/quotas/requests/{asked.public_id}/withdraw").status_code == 405


def test_without_a_limit_the_page_says_so(buyer, web):
    buyer.organization.quotas.all().delete()

    assert "No quota yet" in text(web.get("/quotas"))
