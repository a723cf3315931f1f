"""Operations and how they are followed."""

import pytest

from portal.operations.models import Operation, OperationServer
from portal.operations.services import claims, steps
from tests import factories
from tests.api.client import assert_problem


@pytest.fixture
def operation(noon, starting):
    return Operation.objects.get()


def test_an_operation_tells_how_far_it_is(api, operation, starting):
    expected = {
        "id": operation.public_id,
        "kind": "deploy",
        "state": "queued",
        "state_reason": "",
        "reservation": starting.public_id,
        "stage": "installer",
        "progress": {"stage": "installer", "done": 0, "total": 2, "eta": "2030-01-15T12:20:00Z"},
        "eta": "2030-01-15T12:20:00Z",
        "error": None,
        "requested_by": operation.requested_by,
        "created_at": "2030-01-15T12:00:00Z",
        "finished_at": None,
    }

    assert api.get(f"/operations/{operation.public_id}").json() == expected
    assert api.get("/operations").json() == {"data": [expected], "next_cursor": None}


def test_a_failed_server_says_why(api, operation):
    claim = claims.take(operation_pk=operation.pk, worker="w1")
    part = OperationServer.objects.order_by("position").first()
    steps.fail_part(claim=claim, part_pk=part.pk, error_code="bmc_unreachable")

    found = api.get(f"/operations/{operation.public_id}").json()

    assert found["error"] == {
        "code": "bmc_unreachable",
        "detail": "The server's management controller could not be reached.",
        "servers": [
            {
                "server": part.server.public_id,
                "hostname": "now-1-01",
                "code": "bmc_unreachable",
                "detail": "The server's management controller could not be reached.",
            }
        ],
    }


def test_many_can_be_asked_for_at_once_and_what_is_not_ones_own_is_left_out(api, buyer, operation, foreign):
    factories.reservation(foreign, starts_at=None)
    factories.reservation(buyer, starts_at=None)
    theirs = Operation.objects.get(project=foreign.project)
    mine = Operation.objects.filter(project=buyer.project).order_by("pk").last()

    asked = api.get("/operations", {"id": [operation.public_id, theirs.public_id, mine.public_id, "op_x"]}).json()

    assert [row["id"] for row in asked["data"]] == [mine.public_id, operation.public_id]
    assert len(api.get("/operations").json()["data"]) == 2
    assert_problem(api.get(f"/operations/{theirs.public_id}"), 404, "not_found")
