"""The page of the budgets."""

from portal.quotas.models import Budget
from portal.tenancy.roles import Role
from tests import factories
from tests.api.world import nothing_changes
from tests.web.conftest import browser_of

FIELDS = {"applies_to": "organization", "amount": "1000", "warn_at": "50, 80 %", "stops": "on"}


def test_a_budget_is_set_and_taken_away(web, buyer):
    factories.reservation(buyer)

    assert web.post("/budgets", FIELDS).url == "/budgets"
    made = Budget.objects.get()
    page = web.get("/budgets").content.decode()

    assert (made.amount, made.warn_at, made.stops) == (1000, [50, 80], True)
    assert "A mail goes out at 50 %, 80 %." in page
    assert web.post(f"/budgets/{made.public_id}/remove").url == "/budgets"
    assert not Budget.objects.exists()


def test_what_is_wrong_stands_on_its_field(web):
    with nothing_changes():
        for fields, field in (
            ({"amount": "x"}, "amount"),
            ({"amount": "0"}, "amount"),
            ({"amount": "1.001"}, "amount"),
            ({"warn_at": "half"}, "warn_at"),
            ({"warn_at": "999"}, "warn_at"),
        ):
            reply = web.post("/budgets", {**FIELDS, **fields})

            assert reply.status_code == 422
            assert f'id="id_{field}_error"' in reply.content.decode()


def test_an_operator_may_not_see_them_and_a_stranger_finds_none(buyer, stranger):
    made = factories.budget(buyer)
    operator = browser_of(factories.scope(Role.OPERATOR, buyer.project))

    assert operator.get("/budgets").status_code == 403
    assert stranger.post(f"/budgets/{made.public_id}/remove").status_code == 404
    assert Budget.objects.exists()
