"""Budgets over HTTP."""

import json

import pytest

from portal.quotas.models import Budget
from portal.tenancy.roles import Role
from tests import factories
from tests.api.client import Api, assert_problem, order
from tests.api.world import nothing_changes

BUDGET = {"amount": "1000.00", "warn_at": [80, 50], "stops": True}


@pytest.fixture
def clerk(buyer):
    return Api(factories.token(buyer.project, Role.BILLING)[1])


def put(api, body):
    return api.send("PUT", "/budgets", json.dumps(body))


def test_a_budget_is_set_shown_replaced_and_taken_away(noon, api, clerk, buyer):
    made = put(clerk, BUDGET)
    row = Budget.objects.get()

    assert made.status_code == 200
    assert made.json() == {
        "id": row.public_id,
        "scope": "organization",
        "project": None,
        "amount": {"amount": "1000.00", "currency": "USD"},
        "warn_at": [50, 80],
        "stops": True,
        "month": "2030-01",
        "booked": {"amount": "0.00", "currency": "USD"},
        "percent": 0,
    }
    assert clerk.get("/budgets").json() == {"data": [made.json()], "next_cursor": None}
    assert clerk.get(f"/budgets/{row.public_id}").json() == made.json()
    assert put(clerk, {**BUDGET, "amount": "1.00"}).json()["id"] == row.public_id
    assert_problem(api.post("/reservations", order(buyer.project)), 409, "budget_exceeded")
    assert clerk.delete(f"/budgets/{row.public_id}").status_code == 204
    assert clerk.get("/budgets").json()["data"] == []


def test_a_budget_that_is_none_is_refused_by_its_fields(clerk):
    with nothing_changes():
        found = assert_problem(put(clerk, {"amount": 5, "warn_at": ["x"]}), 422, "invalid_input")
        zero = assert_problem(put(clerk, {"amount": "0", "warn_at": [0]}), 422, "invalid_input")

    assert {"/amount", "/warn_at/0"} == set(found)
    assert zero == {"/amount": "out_of_range", "/warn_at": "out_of_range"}


def test_operators_neither_see_nor_set_budgets(buyer):
    factories.budget(buyer)
    operator = Api(factories.token(buyer.project, Role.OPERATOR)[1])

    with nothing_changes():
        assert_problem(operator.get("/budgets"), 403, "permission_denied")
        assert_problem(put(operator, BUDGET), 403, "permission_denied")
