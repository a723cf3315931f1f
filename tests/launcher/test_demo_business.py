"""What the demo's people have done before anybody looks: contracts in every state, invoices, a credited outage."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from portal.approvals.models import Approval
from portal.approvals.states import ApprovalState
from portal.audit.models import AuditEvent
from portal.billing.models import Invoice, LineKind
from portal.billing.selectors.ledger import unbalanced
from portal.billing.services.closing import close_due
from portal.billing.states import InvoiceState
from portal.contracts.models import Contract
from portal.contracts.states import CONTRACT
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.passwords import random_password
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.launcher import secret_file
from portal.launcher.demo import people, seed
from portal.launcher.demo.business.cast import DAY, Cast
from portal.launcher.demo.business.cluster import seed_evaluation
from portal.launcher.demo.business.story import seed_business
from portal.launcher.demo.servers import Addresses
from portal.operations.models import Operation
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import HOLDING, ReservationState
from portal.sla.models import Evidence, Incident, MaintenanceWindow, Outage, ServerMonth, SlaCredit
from portal.sla.services.measuring import measure_due
from portal.sla.states import CreditState, IncidentState, MaintenanceState
from portal.tenancy.models import SSHKey
from provisioning import reconcile

pytestmark = pytest.mark.django_db
ADDRESSES = Addresses("127.77", 8443, 2222)
PASSWORDS = {name: random_password() for name in secret_file.PASSWORDS}
LUMEN, HALDEN = (customer.name for customer in people.CUSTOMERS)
COUNTED = (Contract, Reservation, Allocation, Invoice, SlaCredit, Evidence, Incident, MaintenanceWindow, AuditEvent)


@pytest.fixture
def told() -> None:
    seed.seed_rows(ADDRESSES, PASSWORDS, fast=True)
    assert seed_business()


@pytest.mark.usefixtures("told")
def test_there_is_a_contract_in_every_state_of_the_table() -> None:
    found = set(Contract.objects.values_list("state", flat=True))
    assert found == set(CONTRACT.states)
    for contract in Contract.objects.exclude(state__in=("draft", "quoted", "approved", "lost")):
        assert contract.documents.exists(), f"{contract} was never sent"
    waiting = Approval.objects.filter(state=ApprovalState.PENDING)
    assert {approval.kind for approval in waiting} == {"contract_terms", "contract_payment"}
    assert set(waiting.values_list("subject", flat=True)) == {Contract.objects.get(state="quoted").public_id}
    assert Contract.objects.filter(organization__name=LUMEN, state="sent").exists(), "what the customer can sign"


@pytest.mark.usefixtures("told")
def test_invoices_are_paid_overdue_and_just_issued_and_one_outage_is_credited() -> None:
    credit = SlaCredit.objects.get()
    outage = Outage.objects.get(server_month__server=credit.server, server_month__month=credit.month)
    lost = Evidence.objects.filter(server=credit.server, value="down", since=outage.since, until=outage.until)
    line = Invoice.objects.get(month=credit.month).lines.get(kind=LineKind.CREDIT)
    told = credit.arithmetic

    assert sorted(lost.values_list("kind", flat=True)) == ["power", "reachable"]
    assert (credit.state, line.amount) == (CreditState.INVOICED, -credit.amount)
    assert line.grant.reference == credit.public_id
    assert round(Decimal(told["price"]) * Decimal(told["percent"]) / 100, 2) == credit.amount
    assert IncidentState(Incident.objects.get(touched__server=credit.server).state) == IncidentState.RESOLVED
    assert unbalanced() == {}

    paid, overdue, issued = Invoice.objects.filter(organization__name=LUMEN).order_by("month")
    now = clock.now()
    assert (paid.state, overdue.state, issued.state) == (InvoiceState.PAID, InvoiceState.ISSUED, InvoiceState.ISSUED)
    assert overdue.due_at is not None
    assert issued.due_at is not None
    assert overdue.due_at < now < issued.due_at
    assert [one.number for one in (paid, overdue, issued)] == ["INV-000001", "INV-000002", "INV-000003"]


@pytest.mark.usefixtures("told")
def test_nothing_is_begun_on_a_machine_and_what_tests_and_readers_reserve_is_free() -> None:
    now = clock.now()
    assert Operation.objects.count() == 0
    assert set(Server.objects.values_list("state", flat=True)) == {ServerState.AVAILABLE}
    assert SSHKey.objects.filter(project__organization__name=LUMEN).count() == 0
    held = Allocation.objects.filter(state__in=HOLDING).select_related("server__region", "reservation")
    assert {one.server.region.code for one in held} == {"us-central-1"}
    assert min(one.reservation.span.start for one in held) > now + 14 * DAY
    over = Reservation.objects.filter(state=ReservationState.ENDED)
    assert over.count() == 2
    assert all(one.span.end <= now for one in over)
    assert MaintenanceWindow.objects.get().state == MaintenanceState.ANNOUNCED


@pytest.mark.usefixtures("told")
def test_the_sweeps_and_a_second_start_find_nothing_to_do_and_no_contradiction() -> None:
    rows = {model: model.objects.count() for model in COUNTED}
    assert reconcile.report_contradictions() == 0
    assert close_due() == 0
    assert measure_due(actor=SYSTEM) == 0
    assert ServerMonth.objects.count() >= 12
    call_command("check_calendar")
    seed.seed_rows(ADDRESSES, PASSWORDS, fast=True)
    assert not seed_business()
    assert {model: model.objects.count() for model in COUNTED} == rows


def test_a_demo_of_one_pool_has_none_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setenv(secret_file.FLEET_NETWORK, ADDRESSES.network)
    for name, password in PASSWORDS.items():
        monkeypatch.setenv(name, password)
    settings.METALYARD_STATE_DIR = tmp_path
    settings.METALYARD_IMAGE_DIR = tmp_path / "images"
    call_command("seed_demo", "--fast", "--servers", "2")
    assert Server.objects.count() == 2
    assert {model: model.objects.count() for model in COUNTED[:-1]} == dict.fromkeys(COUNTED[:-1], 0)


def test_a_demo_that_is_in_use_is_left_alone() -> None:
    seed.seed_rows(ADDRESSES, PASSWORDS, fast=True)
    seed_evaluation(Cast.of_demo().lumen)
    assert not seed_business()
    assert Contract.objects.count() == 0
