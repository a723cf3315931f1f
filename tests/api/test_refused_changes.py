"""Changes to reservations that are refused over HTTP, and change nothing."""

from datetime import timedelta

import pytest

from portal.tenancy.roles import Role
from tests import factories
from tests.api.client import Api, assert_problem
from tests.api.world import nothing_changes

DAY = timedelta(days=1)


def usd(amount):
    return {"amount": amount, "currency": "USD"}


def address_of(reservation, action):
    return f"/reservations/{reservation.public_id}/{action}"


def test_a_token_gives_nothing_to_other_projects(api, buyer, booked):
    sister = factories.project(buyer.organization)

    with nothing_changes():
        reply = api.post(address_of(booked, "transfer"), {"project": sister.public_id})

    assert_problem(reply, 403, "permission_denied")


def test_a_project_of_another_organization_is_unknown(api, foreign, booked):
    with nothing_changes():
        reply = api.post(address_of(booked, "transfer"), {"project": foreign.project.public_id})

    assert assert_problem(reply, 422, "invalid_input") == {"/project": "unknown"}


def test_limits_hold_for_what_is_added(api, buyer, booked):
    type(buyer.organization).objects.update(approval_limit=900)
    with nothing_changes():
        dear = api.post(address_of(booked, "add-servers"), {"count": 1})
    assert_problem(dear, 403, "approval_required")
    assert (dear.json()["limit"], dear.json()["total"]) == (usd("900.00"), usd("960.00"))

    type(buyer.organization).objects.update(approval_limit=None)
    buyer.organization.quotas.update(limit=2)
    with nothing_changes():
        over = api.post(address_of(booked, "add-servers"), {"count": 1})
    assert_problem(over, 409, "quota_exceeded")


BODIES = {
    "extend": {"ends_at": "2030-01-21T12:00:00Z"},
    "shorten": {"ends_at": "2030-01-18T12:00:00Z"},
    "add-servers": {"count": 1},
    "transfer": {"project": "prj_x"},
}


@pytest.mark.parametrize(
    ("action", "body", "errors"),
    [
        ("extend", {}, {"/ends_at": "required"}),
        ("extend", {"ends_at": "soon"}, {"/ends_at": "invalid"}),
        ("extend", {"ends_at": "2030-01-18T12:00:00Z"}, {"/ends_at": "not_after_end"}),
        ("extend", {"ends_at": "9999-12-31T23:59:59Z"}, {"/ends_at": "too_long"}),
        ("shorten", {"ends_at": "2030-01-20T12:00:00Z"}, {"/ends_at": "not_before_end"}),
        ("shorten", {"ends_at": "2030-01-15T12:00:00Z"}, {"/ends_at": "too_soon"}),
        ("add-servers", {"count": "1"}, {"/count": "invalid"}),
        ("add-servers", {"count": 0}, {"/count": "out_of_range"}),
        ("add-servers", {"count": 10**30}, {"/count": "out_of_range"}),
        ("transfer", {"project": 7}, {"/project": "invalid"}),
        ("transfer", {"project": "prj_x"}, {"/project": "unknown"}),
        ("extend", BODIES["extend"] | {"count": 3}, {"/count": "unknown_field"}),
    ],
)
def test_a_wrong_field_is_named(api, booked, action, body, errors):
    with nothing_changes():
        assert assert_problem(api.post(address_of(booked, action), body), 422, "invalid_input") == errors


@pytest.mark.parametrize("action", BODIES)
def test_what_is_over_and_what_is_only_held_is_not_changed(noon, api, buyer, booked, action):
    held = factories.quote(buyer, hold=True).reservation
    body = BODIES[action] | (
        {"project": factories.project(buyer.organization).public_id} if action == "transfer" else {}
    )
    api.post(address_of(booked, "cancel"))

    with nothing_changes():
        replies = [api.post(address_of(row, action), body) for row in (held, booked)]

    for reply in replies:
        # Who may not give at all is not told more.
        assert_problem(reply, *((403, "permission_denied") if action == "transfer" else (409, "state_conflict")))


@pytest.mark.parametrize("action", BODIES)
def test_another_version_another_role_and_another_tenant_are_refused(buyer, foreign, booked, action):
    sister = factories.project(buyer.organization)
    body = BODIES[action] | ({"project": sister.public_id} if action == "transfer" else {})
    address = address_of(booked, action)

    own, viewer = Api.of(buyer.project), Api.of(buyer.project, Role.VIEWER)
    others = [Api.of(project) for project in (sister, foreign.project)]

    with nothing_changes():
        stale = own.post(address, body, **{"If-Match": '"other"'})
        seen = viewer.post(address, body)
        strange = [other.post(address, body) for other in others]

    assert_problem(stale, 412, "precondition_failed")
    assert_problem(seen, 403, "permission_denied")
    for reply in strange:
        assert_problem(reply, 404, "not_found")
