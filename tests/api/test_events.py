"""What is told of a reservation over HTTP."""

from portal.operations.models import OperationEvent
from tests import factories
from tests.api.client import assert_problem


def test_events_come_in_order_and_in_plain_words(noon, api, starting):
    operation = starting.project.operations.get().public_id
    confirmed, provisioning = OperationEvent.objects.order_by("pk")

    def shape(event, kind, message, **told):
        return {
            "id": event.public_id,
            "type": kind,
            "at": "2030-01-15T12:00:00Z",
            "message": message,
            "actor": event.actor_label,
            "server": None,
            "hostname": "",
            "operation": None,
            "duration_ms": None,
            **told,
        }

    assert api.get(f"/reservations/{starting.public_id}/events").json() == {
        "data": [
            shape(
                confirmed,
                "reservation.confirmed",
                "Reserved 2 x 8 x H100 in eu-north-1.",
                data={"count": 2, "server_type": "8 x H100", "region": "eu-north-1"},
            ),
            shape(
                provisioning,
                "reservation.provisioning",
                "Preparing 2 servers.",
                data={"count": 2},
                operation=operation,
            ),
        ],
        "next_cursor": None,
    }


def test_after_the_last_there_is_nothing(api, starting):
    last = OperationEvent.objects.latest("pk").public_id

    assert api.get(f"/reservations/{starting.public_id}/events", {"after": last}).json()["data"] == []


def test_only_an_event_of_this_reservation_can_be_read_on_from(api, buyer, starting, foreign):
    sibling = factories.reservation(buyer)
    theirs = factories.reservation(foreign)
    others = OperationEvent.objects.filter(subject__in=[sibling.public_id, theirs.public_id])

    for after in (*others.values_list("public_id", flat=True), "evt_x", "x" * 500):
        reply = api.get(f"/reservations/{starting.public_id}/events", {"after": after})
        assert assert_problem(reply, 422, "invalid_input") == {"/after": "unknown"}


def test_how_long_to_wait_is_bounded(api, starting):
    for wait in ("-1", "31", "x", "", "0.5"):
        reply = api.get(f"/reservations/{starting.public_id}/events", {"wait": wait})
        assert set(assert_problem(reply, 422, "invalid_input")) == {"/wait"}
