"""Measured availability, credits, evidence, incidents, maintenance and status over HTTP."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from portal.core.actors import SYSTEM
from portal.core.money import Money
from portal.operations.states import OperationKind
from portal.sla.definitions import CURRENT, Condition, Kind
from portal.sla.measuring import Reading, measured, timeline
from portal.sla.models import MaintenanceServer
from portal.sla.services.incidents import open_incident
from portal.sla.services.measuring import measure_month
from portal.sla.spans import Span, second_of
from portal.tenancy.roles import Role
from tests import factories
from tests.api.client import Api, assert_problem
from tests.api.world import nothing_changes
from tests.sla import promises, world
from tests.sla.world import DAY, FEBRUARY, JANUARY

MONTH = {"month": "2030-01"}


@pytest.fixture(autouse=True)
def february():
    with time_machine.travel(FEBRUARY + DAY, tick=False) as hand:
        yield hand


@pytest.fixture
def had(db):
    """Return a reservation of ten days of January with an outage of three hours."""
    world.tier()
    made = world.handed_over()
    world.outage(world.server_of(made), JANUARY + 3 * DAY, 180)
    return made


@pytest.fixture
def api(had):
    return Api.of(had.project)


def instant(text):
    return second_of(datetime.fromisoformat(text))


def test_a_tenant_works_its_credit_out_again_from_the_evidence(had, api):
    measure_month(actor=SYSTEM, month=JANUARY.date())

    found = api.get("/sla", MONTH).json()["data"]

    (row,) = found
    (server,) = row["servers"]
    (credit,) = row["credits"]
    assert (row["reservation"], row["month"], row["is_final"]) == (had.public_id, "2030-01", True)
    evidence = api.get(f"/reservations/{had.public_id}/servers/{server['server']}/evidence").json()["data"]
    readings = [
        Reading(Kind(one["kind"]), Condition(one["value"]), Span(instant(one["since"]), instant(one["until"])), at)
        for at, one in enumerate(evidence)
    ]
    served = Span(second_of(JANUARY + DAY), second_of(JANUARY + 11 * DAY))
    sums = measured(timeline([served], readings, [], CURRENT))
    assert (sums.obliged, sums.down) == (server["measured_seconds"], server["down_seconds"]) == (864_000, 10_800)
    availability = sums.availability(Decimal(row["tier"]["degraded_weight"]))
    assert availability == Decimal(server["availability"]) == Decimal(row["availability"])
    percent = max(
        Decimal(one["credit_percent"]) for one in row["tier"]["steps"] if availability < Decimal(one["below"])
    )
    amount = Money(Decimal(credit["arithmetic"]["price"]) * percent / 100, "USD")
    assert credit["amount"] == amount.as_json() == {"amount": "1200.00", "currency": "USD"}
    assert (server["served"], server["left_out"]) == (
        [{"since": "2030-01-02T00:00:00Z", "until": "2030-01-12T00:00:00Z"}],
        [],
    )
    assert server["outages"] == [
        {
            "since": "2030-01-04T00:00:00Z",
            "until": "2030-01-04T03:00:00Z",
            "condition": "down",
            "kinds": ["reachable"],
            "excluded": None,
            "proof": "",
        }
    ]


def test_what_is_left_out_while_a_server_was_up_is_told_with_what_proves_it(had, api):
    """Without it nobody could work out what was measured."""
    server = world.server_of(had)
    deed = world.operation(had, server, OperationKind.REBOOT, JANUARY + 5 * DAY, timedelta(minutes=10))
    measure_month(actor=SYSTEM, month=JANUARY.date())

    (told,) = api.get("/sla", MONTH).json()["data"][0]["servers"]

    settled = JANUARY + 5 * DAY + timedelta(minutes=10, seconds=CURRENT.settling)
    (left_out,) = told["left_out"]
    assert (left_out["cause"], left_out["proof"]) == ("tenant", deed.public_id)
    assert (instant(left_out["since"]), instant(left_out["until"])) == (
        second_of(JANUARY + 5 * DAY),
        second_of(settled),
    )
    (served,) = told["served"]
    whole = instant(served["until"]) - instant(served["since"])
    assert told["measured_seconds"] == whole - (instant(left_out["until"]) - instant(left_out["since"]))


def test_a_month_that_goes_on_is_measured_so_far(had, api, february):
    february.move_to(JANUARY + 5 * DAY)

    (row,) = api.get("/sla").json()["data"]

    assert (row["is_final"], row["credits"]) == (False, [])
    assert row["servers"][0]["measured_seconds"] == 4 * 86_400
    assert row["servers"][0]["down_seconds"] == 10_800


@pytest.mark.parametrize("month", ["2030-13", "January", "2030-1-1", "\x00", "0001-01", "9999-12"])
def test_what_is_no_month_is_refused(api, month):
    assert_problem(api.get("/sla", {"month": month}), 422, "invalid_input")


def test_another_tenant_sees_nothing_of_it(had, api):
    other = Api.of(factories.project())
    server = world.server_of(had).public_id

    assert other.get("/sla", MONTH).json()["data"] == []
    assert_problem(other.get(f"/reservations/{had.public_id}/servers/{server}/evidence"), 404, "not_found")
    assert_problem(api.get(f"/reservations/{had.public_id}/servers/srv_x/evidence"), 404, "not_found")


def test_evidence_from_before_and_after_is_not_the_tenants(had, api):
    server = world.server_of(had)
    world.seen(server, Condition.DOWN, JANUARY, JANUARY + timedelta(hours=2))
    world.seen(server, Condition.DOWN, JANUARY + 15 * DAY, JANUARY + 16 * DAY)

    found = api.get(f"/reservations/{had.public_id}/servers/{server.public_id}/evidence").json()["data"]

    assert [one["value"] for one in found] == ["up", "down", "up"]
    assert (found[0]["since"], found[-1]["until"]) == ("2030-01-02T00:00:00Z", "2030-01-12T00:00:00Z")


def test_incidents_name_only_ones_own_servers(had, api, february):
    february.move_to(JANUARY + 5 * DAY)
    mine, theirs = world.server_of(had), factories.server()
    made = promises.incident(servers=[mine, theirs], region=mine.region)
    open_incident(actor=SYSTEM, title="Secret", text="x", impact="outage", servers=[theirs], is_public=False)

    (row,) = api.get("/incidents").json()["data"]

    assert row == api.get(f"/incidents/{made.public_id}").json()
    assert row["servers"] == [mine.public_id]
    assert row["updates"] == [{"at": "2030-01-06T00:00:00Z", "state": "investigating", "text": "We look."}]


def test_maintenance_is_put_off(had, api, february):
    february.move_to(JANUARY + 2 * DAY)
    server = world.server_of(had)
    window = promises.maintenance(server=server)
    begin = JANUARY + 5 * DAY
    address = f"/maintenance/{window.public_id}/servers/{server.public_id}/defer"
    later = {"starts_at": (begin + DAY).isoformat()}
    viewer, other = Api.of(had.project, Role.VIEWER), Api.of(factories.project())

    with nothing_changes():
        assert api.get("/maintenance").json()["data"][0]["starts_at"] == "2030-01-06T00:00:00Z"
        errors = assert_problem(api.post(address, {"starts_at": "2031-01-01T00:00:00Z"}), 422, "invalid_input")
        assert errors == {"/starts_at": "out_of_range"}
        assert_problem(viewer.post(address, later), 403, "permission_denied")
        assert_problem(other.post(address, later), 404, "not_found")
        rehearsal = api.client.post(
            f"/api/v1{address}?dry_run=true",
            later,
            content_type="application/json",
            headers={"Authorization": f"Bearer {api.token}"},
        )
        assert rehearsal.json()["dry_run"] is True
    reply = api.post(address, later)

    assert reply.json()["starts_at"] == "2030-01-07T00:00:00Z"
    assert MaintenanceServer.objects.get().span.start == begin + DAY


def test_everybody_reads_definitions_and_status(client, db):
    promises.incident(region=factories.region())

    status = client.get("/api/v1/status").json()
    definitions = client.get("/api/v1/sla/definitions").json()["definitions"]

    assert status["state"] == "outage"
    assert [(one["id"], one["state"], len(one["days"])) for one in status["components"]] == [
        ("portal", "operational", 90),
        ("eu-north-1", "outage", 90),
    ]
    assert [one["title"] for one in status["incidents"]] == ["A switch failed"]
    assert definitions[0]["version"] == 1
    assert datetime.fromisoformat(status["at"]) == (FEBRUARY + DAY).astimezone(UTC)
