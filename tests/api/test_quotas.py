"""Limits and requests for more over HTTP."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.quotas.intents import approve_request, decline_request
from portal.quotas.models import Quota, QuotaRequest
from portal.tenancy.roles import Role
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.api.client import Api, assert_problem
from tests.api.world import nothing_changes

WISH = {"server_type": "h100x8", "region": "eu-north-1", "limit": 96, "reason": "a second run"}


def test_quotas_tell_the_limits_and_what_is_in_use(noon, api, buyer):
    quota = buyer.organization.quotas.get()
    own = factories.quota(buyer.organization, 4, project=buyer.project, gpu_hours_per_month=500)
    other = factories.quota(buyer.organization, 3, in_region=factories.region("us-east-1"))
    factories.quota(buyer.organization, 1, project=factories.project(buyer.organization))
    factories.quota(factories.organization(), 7)
    factories.reservation(buyer, count=2, starts_at=None, ends_at=clock.now() + timedelta(hours=4))
    factories.reservation(buyer, count=1, starts_at=clock.now() + timedelta(days=17))

    def row(kept, region, used, hours):
        return {
            "id": kept.public_id,
            "scope": "project" if kept.project else "organization",
            "project": kept.project.public_id if kept.project else None,
            "server_type": "h100x8",
            "region": region,
            "limit": kept.limit,
            "used": used,
            "gpu_hours_per_month": kept.gpu_hours_per_month,
            "gpu_hours_used": hours,
            "month": "2030-01",
        }

    assert api.get("/quotas").json() == {
        "data": [
            row(quota, "eu-north-1", 2, "64.00"),
            row(own, "eu-north-1", 2, "64.00"),
            row(other, "us-east-1", 0, "0.00"),
        ],
        "next_cursor": None,
    }


def test_more_is_asked_for_listed_shown_and_withdrawn(noon, api, buyer):
    made = api.post("/quota-requests", WISH)
    row = QuotaRequest.objects.get()
    address = f"/quota-requests/{row.public_id}"

    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1{address}"
    assert made.json() == {
        "id": row.public_id,
        "state": "pending",
        "state_reason": "",
        "state_changed_at": "2030-01-15T12:00:00Z",
        "applies_to": "organization",
        "project": buyer.project.public_id,
        "server_type": "h100x8",
        "region": "eu-north-1",
        "limit": 96,
        "gpu_hours_per_month": None,
        "granted_limit": None,
        "granted_gpu_hours_per_month": None,
        "reason": "a second run",
        "requested_by": "API token ci",
        "created_at": "2030-01-15T12:00:00Z",
    }
    assert api.get(address).json() == made.json()
    assert api.get("/quota-requests").json() == {"data": [made.json()], "next_cursor": None}

    gone = api.post(f"{address}/withdraw")

    assert gone.status_code == 200
    assert gone.json() == made.json() | {"state": "withdrawn", "state_reason": "withdrawn by API token ci"}
    assert api.get("/quota-requests", {"state": "pending"}).json()["data"] == []
    assert len(api.get("/quota-requests", {"state": ["withdrawn", "declined"]}).json()["data"]) == 1
    with nothing_changes():
        assert_problem(api.post(f"{address}/withdraw"), 409, "state_conflict")


def test_the_answer_is_shown(api, buyer):
    buyer.organization.quotas.update(gpu_hours_per_month=5000)
    first = factories.quota_request(buyer, 96)
    second = factories.quota_request(buyer, 5, region=factories.region("south"))
    sales = staff.person(StaffRole.SALES).as_actor()
    approve_request(actor=sales, request=first, limit=80, gpu_hours_per_month=7000, reason="until May")
    decline_request(actor=sales, request=second, reason="no such servers there")

    declined, approved = api.get("/quota-requests").json()["data"]

    assert (approved["state"], approved["state_reason"], approved["limit"]) == ("approved", "until May", 96)
    assert (approved["granted_limit"], approved["granted_gpu_hours_per_month"]) == (80, 7000)
    assert (declined["state"], declined["state_reason"]) == ("declined", "no such servers there")


def test_a_rehearsal_changes_nothing(api, buyer):
    asked = factories.quota_request(buyer, 96, region=factories.region("south"))
    with nothing_changes():
        made = api.post("/quota-requests?dry_run=true", WISH)
        gone = api.post(f"/quota-requests/{asked.public_id}/withdraw?dry_run=true")

    assert (made.status_code, made.json()["dry_run"], made.json()["state"]) == (200, True, "pending")
    assert (gone.status_code, gone.json()["dry_run"], gone.json()["state"]) == (200, True, "withdrawn")


def test_a_repeated_request_is_made_once(api):
    first = api.post("/quota-requests", WISH, key="once")
    again = api.post("/quota-requests", WISH, key="once")

    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert QuotaRequest.objects.count() == 1
    with nothing_changes():
        assert_problem(api.post("/quota-requests", WISH | {"limit": 97}, key="once"), 422, "idempotency_key_reused")


def test_withdrawing_another_version_is_refused(api, buyer):
    asked = factories.quota_request(buyer, 96)
    address = f"/quota-requests/{asked.public_id}"

    with nothing_changes():
        reply = api.post(f"{address}/withdraw", **{"If-Match": '"other"'})
    assert_problem(reply, 412, "precondition_failed")

    known = api.get(address).headers["ETag"]
    assert api.post(f"{address}/withdraw", **{"If-Match": known}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"limit": "96"}, {"/limit": "invalid"}),
        ({"limit": 9.5}, {"/limit": "invalid"}),
        ({"limit": 2**70}, {"/limit": "out_of_range"}),
        ({"limit": -1}, {"/limit": "out_of_range"}),
        ({"limit": 64}, {"/limit": "not_more"}),
        ({"limit": 63}, {"/limit": "below_present"}),
        ({"gpu_hours_per_month": 2**70}, {"/gpu_hours_per_month": "out_of_range"}),
        ({"gpu_hours_per_month": 5}, {"/gpu_hours_per_month": "below_present"}),
        ({"server_type": "abacus"}, {"/server_type": "unknown"}),
        ({"region": "mars", "limit": None}, {"/region": "unknown", "/limit": "null"}),
        ({"applies_to": "world"}, {"/applies_to": "invalid_choice"}),
        ({"applies_to": "project"}, {"/applies_to": "no_limit"}),
        ({"reason": ""}, {"/reason": "length"}),
        ({"reason": "x" * 1001}, {"/reason": "length"}),
        ({"reason": "a\u0000"}, {"/reason": "null_characters_not_allowed"}),
        ({"colour": "red"}, {"/colour": "unknown_field"}),
    ],
)
def test_a_wrong_field_is_named(api, changes, errors):
    with nothing_changes():
        assert assert_problem(api.post("/quota-requests", WISH | changes), 422, "invalid_input") == errors


def test_a_second_request_for_the_same_is_refused(api):
    api.post("/quota-requests", WISH)

    with nothing_changes():
        reply = api.post("/quota-requests", WISH | {"limit": 100})

    assert assert_problem(reply, 422, "invalid_input") == {"/server_type": "duplicate"}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_who_may_only_look_sees_them_and_may_not_ask_or_withdraw(buyer, role):
    asked = factories.quota_request(buyer, 96)
    reader = Api.of(buyer.project, role)

    with nothing_changes():
        replies = [
            reader.post("/quota-requests", WISH),
            reader.post(f"/quota-requests/{asked.public_id}/withdraw"),
        ]

    for reply in replies:
        assert_problem(reply, 403, "permission_denied")
    assert [row["id"] for row in reader.get("/quota-requests").json()["data"]] == [asked.public_id]


def test_the_requests_of_a_sister_project_and_of_another_tenant_are_not_there(api, buyer, foreign):
    sister = factories.scope(in_project=factories.project(buyer.organization))
    for scope in (sister, foreign):
        theirs = factories.quota_request(scope, 96)
        with nothing_changes():
            assert_problem(api.get(f"/quota-requests/{theirs.public_id}"), 404, "not_found")
            assert_problem(api.post(f"/quota-requests/{theirs.public_id}/withdraw"), 404, "not_found")
    assert api.get("/quota-requests").json()["data"] == []


def test_lists_ask_the_database_as_often_for_many_as_for_few(api, buyer, django_assert_max_num_queries):
    for number in range(6):
        place = factories.region(f"zone-{number}")
        factories.quota(buyer.organization, in_region=place)
        factories.reservation(buyer)
        factories.quota_request(buyer, 96, region=place)

    assert Quota.objects.count() == 7
    with django_assert_max_num_queries(6):
        assert len(api.get("/quotas").json()["data"]) == 7
    with django_assert_max_num_queries(5):
        assert len(api.get("/quota-requests").json()["data"]) == 6
