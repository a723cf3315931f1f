"""What webhooks are told of: promises, invoices and reservations, those of their own project only."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.billing.selectors.amounts import open_amount
from portal.billing.services.issuing import void_invoice
from portal.billing.services.payments import record_payment
from portal.billing.services.reminding import remind
from portal.contracts.services.ending import terminate_contract
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.operations.models import OperationEvent
from portal.quotas.services.budgets import set_budget
from portal.reservations.models import News
from portal.reservations.services.budgets import warn
from portal.reservations.services.news import tell_webhooks
from portal.sla.services.incidents import explain_incident, update_incident
from portal.sla.services.maintenance import cancel_maintenance, defer_maintenance, finish_maintenance
from portal.sla.states import IncidentState
from portal.webhooks.event_types import EVENT_TYPES
from portal.webhooks.models import Message
from portal.webhooks.services.announcing import announce
from tests import factories
from tests.billing import yard
from tests.contracts import builders
from tests.sla import promises
from tests.webhooks.receiving import endpoint

pytestmark = pytest.mark.django_db


@pytest.fixture
def buyer():
    factories.servers(2)
    return factories.buyer()


def heard(scope, event_types=tuple(EVENT_TYPES)):
    """Let the scope's project, and another tenant, listen; return what the project is told, in order, when asked."""
    hook, _ = endpoint(scope, event_types=list(event_types))
    other, _ = endpoint(factories.scope(), event_types=list(EVENT_TYPES))

    def told():
        assert not Message.objects.filter(endpoint=other).exists()
        rows = Message.objects.filter(endpoint=hook).order_by("pk")
        return [(row.type, json.loads(row.payload)["data"]) for row in rows]

    return told


def test_incidents_and_maintenance_are_told_at_each_step(buyer):
    made = factories.hand_over(factories.reservation(buyer, starts_at=None))
    server = made.allocations.get().server
    told = heard(buyer)
    incident = promises.incident(servers=[server])
    update_incident(actor=SYSTEM, incident=incident, text="Found.", state=IncidentState.IDENTIFIED)
    update_incident(actor=SYSTEM, incident=incident, text="Over.", state=IncidentState.RESOLVED)
    explain_incident(actor=SYSTEM, incident=incident, root_cause="Dust.")
    cancel_maintenance(actor=SYSTEM, window=promises.maintenance(server=server), reason="Not needed.")

    assert [(name, data["state"], data["text"]) for name, data in told()] == [
        ("incident.opened", "investigating", "We look."),
        ("incident.updated", "identified", "Found."),
        ("incident.resolved", "resolved", "Over."),
        ("incident.updated", "resolved", "Dust."),
        ("maintenance.announced", "announced", ""),
        ("maintenance.cancelled", "cancelled", ""),
    ]
    assert told()[-1][1]["reason"] == "Not needed."
    assert {data["id"] for _, data in told()[:4]} == {incident.public_id}


def test_work_that_is_put_off_and_work_that_is_over_is_told(buyer):
    server = factories.hand_over(factories.reservation(buyer, starts_at=None)).allocations.get().server
    told = heard(buyer, ["maintenance.changed", "maintenance.completed"])
    window = promises.maintenance(server=server)
    (turn,) = window.turns.all()
    at = turn.span.start
    defer_maintenance(scope=buyer, actor=buyer.actor, window=window, server=server, starts_at=at)
    with yard.clock_at(turn.span.end):
        finish_maintenance(actor=SYSTEM, window=window)

    assert [(name, data["state"], data.get("server")) for name, data in told()] == [
        ("maintenance.changed", "announced", server.public_id),
        ("maintenance.completed", "done", None),
    ]


def test_only_what_is_chosen_is_told(buyer):
    server = factories.hand_over(factories.reservation(buyer, starts_at=None)).allocations.get().server
    told = heard(buyer, ["incident.resolved"])
    incident = promises.incident(servers=[server])
    update_incident(actor=SYSTEM, incident=incident, text="Over.", state=IncidentState.RESOLVED)

    assert [name for name, _ in told()] == ["incident.resolved"]


def test_an_invoice_is_told_to_every_project_of_its_organization(buyer):
    told = heard(buyer)
    second = factories.scope(in_project=factories.project(buyer.organization))
    endpoint(second, event_types=["invoice.issued"])
    row = yard.invoice(buyer)

    ((name, data),) = told()
    assert (name, data["id"], data["number"], data["total"]) == (
        "invoice.issued",
        row.public_id,
        row.number,
        row.to_pay.as_json(),
    )
    assert Message.objects.filter(endpoint__project=second.project).count() == 1


def test_what_becomes_of_an_invoice_is_told(buyer):
    told = heard(buyer, [name for name in EVENT_TYPES if name.partition(".")[0] in ("invoice", "credit_note")])
    paid, void = yard.invoice(buyer), yard.invoice(factories.scope(in_project=buyer.project), currency="EUR")
    with yard.clock_at(paid.due_at + timedelta(days=3)):
        remind(actor=SYSTEM, invoice=paid)
        yard.note(paid)
        record_payment(actor=SYSTEM, invoice=paid, amount=open_amount(paid), reference="bank 1")
        void_invoice(actor=SYSTEM, invoice=void, reason="wrong address")
        void_invoice(actor=SYSTEM, invoice=yard.invoice(buyer, currency="GBP", is_issued=False), reason="a draft")

    assert [(name, data["id"], data["state"]) for name, data in told()] == [
        ("invoice.issued", paid.public_id, "issued"),
        ("invoice.issued", void.public_id, "issued"),
        ("invoice.reminded", paid.public_id, "issued"),
        ("credit_note.issued", paid.public_id, "issued"),
        ("invoice.paid", paid.public_id, "paid"),
        ("invoice.voided", void.public_id, "void"),
    ]


def test_what_becomes_of_a_contract_is_told_to_its_project(db):
    scope = builders.stage(servers=2)
    told = heard(scope, ["contract.sent", "contract.activated", "contract.ended"])
    contract = builders.active(scope)
    terminate_contract(actor=builders.author_of(contract), contract=contract, at=clock.now(), reason="moved away")

    assert [(name, data["id"], data["state"], data["reason"]) for name, data in told()] == [
        ("contract.sent", contract.public_id, "sent", ""),
        ("contract.activated", contract.public_id, "active", ""),
        ("contract.ended", contract.public_id, "terminated", "moved away"),
    ]


def test_a_budget_that_is_reached_is_told_once(buyer):
    told = heard(buyer, ["budget.reached"])
    factories.reservation(buyer, starts_at=None)
    row = set_budget(scope=buyer, actor=buyer.actor, amount=Decimal(1), warn_at=[50, 100], stops=True)
    assert warn(actor=SYSTEM, budget=row)
    assert not warn(actor=SYSTEM, budget=row)

    ((name, data),) = told()
    assert (name, data["id"], data["percent"], data["stops"]) == ("budget.reached", row.public_id, 100, True)
    assert data["amount"] == row.value.as_json()


def test_the_life_of_a_reservation_is_told_in_order_and_once(buyer):
    told = heard(buyer)
    row = factories.hand_over(factories.reservation(buyer, name="train", starts_at=None))
    assert News.objects.exists()
    tell_webhooks(actor=SYSTEM)
    assert tell_webhooks(actor=SYSTEM) == 0 == News.objects.count()

    events = OperationEvent.objects.filter(subject=row.public_id, type__in=EVENT_TYPES).order_by("pk")
    assert [(name, data["event"]) for name, data in told()] == [(event.type, event.public_id) for event in events]
    assert [name for name, _ in told()][-1] == "reservation.active"
    last = told()[-1][1]
    assert (last["id"], last["name"], last["state"], last["degraded"]) == (row.public_id, "train", "active", False)


def test_where_nobody_listens_events_leave_nothing(buyer):
    factories.reservation(buyer)
    assert OperationEvent.objects.exists()
    assert not News.objects.exists()


def test_without_an_endpoint_telling_is_one_question(buyer):
    with CaptureQueriesContext(connection) as asked:
        announce(actor=SYSTEM, event_type="invoice.issued", data={}, organization=buyer.organization)

    assert [entry["sql"][:6] for entry in asked] == ["SELECT"]


def test_a_type_that_nobody_knows_is_refused(buyer):
    with pytest.raises(KeyError):
        announce(actor=SYSTEM, event_type="no.such", data={}, projects=[buyer.project])
