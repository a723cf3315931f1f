"""What the description says is what the API does."""

import json
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator

from portal.api.views.documentation import description
from portal.core import clock
from portal.sla.models import MaintenanceServer
from portal.tenancy.roles import Role
from tests import factories
from tests.api.client import Api, assert_problem, order
from tests.api.test_documentation import operations_of
from tests.api.world import nothing_changes
from tests.billing import yard
from tests.contracts import builders
from tests.sla import promises
from tests.webhooks import receiving


@pytest.fixture
def described():
    return Api("").get("/openapi.json").json()


@pytest.fixture
def api(buyer):
    """Return a client that may ask for everything there is."""
    return Api.of(buyer.project, Role.OWNER)


@pytest.fixture
def named(buyer, active):
    """Return the ids for the parameters of addresses, and the bodies of writes."""
    server = active.allocations.first().server
    delivery = receiving.told(buyer)
    return {
        "incident_id": promises.incident(servers=[server]).public_id,
        "window_id": promises.maintenance(server=server).public_id,
        "reservation_id": active.public_id,
        "server_id": server.public_id,
        "operation_id": buyer.project.operations.get().public_id,
        "key_id": buyer.project.ssh_keys.get().public_id,
        "webhook_id": delivery.endpoint.public_id,
        "delivery_id": delivery.public_id,
        "budget_id": factories.budget(buyer).public_id,
        "request_id": factories.quota_request(buyer).public_id,
        "file": "report.json",
        "quote_id": factories.quote(buyer).public_id,
        "image_id": factories.own_image(buyer).public_id,
        "import_id": buyer.project.image_imports.get().public_id,
        "certificate_id": factories.certificate(buyer, active, server).public_id,
        "contract_id": builders.sent(buyer, builders.line(count=1)).public_id,
        "invoice_id": (invoice := yard.invoice(buyer)).public_id,
        "credit_note_id": yard.note(invoice).public_id,
        "entry_id": factories.waitlist_entry(buyer).public_id,
    }


def address_of(path, named):
    return path.removeprefix("/api/v1").format(**named)


def query_fields(operation):
    return {item["name"] for item in operation.get("parameters", []) if item["in"] == "query"}


def errors_of(described, operation, reply):
    """Return where a reply differs from what the description says of its status."""
    kind = reply.headers["Content-Type"]
    schema = operation["responses"][str(reply.status_code)]["content"][kind]["schema"]
    if kind == "application/pdf":
        return [] if schema["format"] == "binary" and reply.content.startswith(b"%PDF-") else ["it is no PDF"]
    if kind == "application/xml":
        return [] if schema["format"] == "binary" and reply.content.startswith(b"<?xml ") else ["it is no XML"]
    whole = {**schema, "components": described["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(reply.json())]


def test_replies_have_the_shapes_that_are_described(api, buyer, named, described):
    body = order(buyer.project)
    bodies = {
        "create_reservation": body,
        "create_quote": {name: body[name] for name in ("server_type", "region", "count", "ends_at")} | {"hold": True},
        "accept_quote": {name: body[name] for name in ("name", "image", "ssh_keys")},
        "extend_reservation": {"ends_at": clock.as_rfc3339(clock.now() + timedelta(days=3))},
        "shorten_reservation": {"ends_at": clock.as_rfc3339(clock.now() + timedelta(hours=9))},
        "add_servers": {"count": 1},
        "transfer_reservation": {"project": factories.project(buyer.organization).public_id},
        "join_waitlist": {name: body[name] for name in ("server_type", "region", "count")} | {"hours": 24},
        "add_ssh_key": {
            "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJfqPLZWKeuiWSS2xUPmRAz3p5ULYFX1gbTNMq0CRpsU"
        },
        "switch_power": {"action": "off"},
        "import_image": {
            "name": "base",
            "url": "https://images.example.com/base.raw",
            "sha256": factories.DIGEST,
            "default_user": "ubuntu",
        },
        "defer_maintenance": {"starts_at": clock.as_rfc3339(MaintenanceServer.objects.get().first_start)},
        "add_webhook": {"url": "https://example.com/new", "event_types": ["invoice.issued"]},
        "set_budget": {"amount": "1000.00", "warn_at": [80], "stops": True},
        "create_quota_request": {
            "server_type": "h100x8",
            "region": factories.region("south").code,
            "limit": 2,
            "reason": "tests",
        },
    }
    place = {name: body[name] for name in ("server_type", "region")}
    searches = {
        "get_availability": place | {"ends_at": body["ends_at"]},
        "get_availability_starts": place | {"hours": 24},
        "list_usage": {"from": "2030-01-01", "to": "2030-02-01"},
    }
    # What is active is not cancelled, and no token gives away what is its project's.
    statuses = {"cancel_reservation": 409, "transfer_reservation": 403}
    # The servers' deployment is open here: nothing else is done with them meanwhile.
    statuses |= dict.fromkeys(("switch_power", "reinstall_server", "rescue_server", "leave_rescue"), 409)
    for path, method, operation in operations_of(described):
        address = address_of(path, named)
        if method == "get":
            reply = api.get(address, searches.get(operation["operationId"], {}))
        else:
            reply = api.send(
                method.upper(), f"{address}?dry_run=true", json.dumps(bodies.get(operation["operationId"], {}))
            )
        refusal = api.send(method.upper(), f"{address}?nonsense=1", "{}", **{"Idempotency-Key": "k1"})

        assert reply.status_code == statuses.get(operation["operationId"], 200), path
        assert errors_of(described, operation, reply) == [], path
        assert errors_of(described, operation, refusal) == [], path
        assert assert_problem(refusal, 422, "invalid_input")["/nonsense"] == "unknown_field", path


def test_a_made_reservation_has_the_described_shape(api, buyer, described):
    reply = api.post("/reservations", order(buyer.project))

    assert errors_of(described, described["paths"]["/api/v1/reservations"]["post"], reply) == []


def test_control_another_shape_would_be_noticed(api, buyer, described):
    operation = described["paths"]["/api/v1/me"]["get"]
    del described["components"]["schemas"]["MeOut"]["properties"]["role"]
    described["components"]["schemas"]["MeOut"]["additionalProperties"] = False

    assert len(errors_of(described, operation, api.get("/me"))) == 1


def test_every_described_query_field_is_known(api, named, described):
    with nothing_changes():
        for path, method, operation in operations_of(described):
            for name in query_fields(operation):
                reply = api.send(method.upper(), f"{address_of(path, named)}?{name}=%00", "{}")
                codes = {
                    error["pointer"].split("/")[1]: error["code"]
                    for error in reply.json()["errors"]
                    if error["pointer"].startswith(f"/{name}")
                }
                assert codes.get(name) not in (None, "unknown_field"), (path, name)


def test_the_description_is_made_once():
    assert description() is description()
