"""Reservations that are lived through, month by month, with the clock in the hand of the test."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import time_machine

from portal.billing.models import BillingProfile, Invoice, InvoiceLine, LineKind, Meter, UsageRecord
from portal.billing.services.closing import close_month
from portal.billing.services.credits import grant_credit
from portal.billing.services.drafting import buyer_of
from portal.billing.services.issuing import issue_invoice
from portal.billing.services.notes import issue_credit_note
from portal.billing.services.payments import record_payment
from portal.billing.services.profiles import set_profile
from portal.billing.states import InvoiceState
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.money import Money
from portal.core.months import span_of
from portal.operations.models import OperationServer
from portal.operations.states import OperationKind
from portal.reservations.services import lifecycle, outcomes
from portal.reservations.services.start import begin_provisioning
from tests import factories
from tests.contracts import builders

JANUARY, FEBRUARY, MARCH = (datetime(2031, month, 1, tzinfo=UTC).date() for month in (1, 2, 3))
MID_JANUARY = datetime(2031, 1, 20, 6, 0, 17, tzinfo=UTC)
RATE = "2.50"
SELLER = {"name": "Metalyard AB", "address": "Storgatan 1\n211 42 Malmö", "country": "SE", "tax_id": "SE556677889901"}
"""Who bills, with all that a document by EN 16931 asks for."""


@contextmanager
def clock_at(moment):
    with time_machine.travel(moment, tick=False) as traveller:
        yield traveller


def begun(scope, starts_at, days, count=1, **kwargs):
    """Return a reservation that is handed over at its start: its servers a little before."""
    made = factories.reservation(
        scope, starts_at=starts_at, ends_at=starts_at + timedelta(days=days), count=count, **kwargs
    )
    with clock_at(starts_at - timedelta(minutes=5)):
        begin_provisioning(actor=SYSTEM, reservation=made)
        factories.hand_over(made)
    return made


def added_ready(reservation):
    """Hand over what was added to a reservation."""
    part = OperationServer.objects.filter(operation__subject=reservation.public_id).latest("pk")
    outcomes.server_ready(part=part, ssh_user="ubuntu")
    outcomes.deploy_finished(operation=part.operation)


def give_back(reservation, scope, at):
    """Release it, and let its servers be erased an hour later."""
    with clock_at(at):
        lifecycle.release(scope=scope, actor=scope.actor, reservation=reservation)
    with clock_at(at + timedelta(hours=1)):
        returned(reservation)


def run_out(reservation, late=timedelta(seconds=9)):
    """Let its period end by itself, a little late, as the sweep does it."""
    reservation.refresh_from_db()
    with clock_at(reservation.span.end + late):
        lifecycle.end_due(actor=SYSTEM, reservation=reservation)
    with clock_at(reservation.span.end + timedelta(hours=1)):
        returned(reservation)


def returned(reservation):
    parts = OperationServer.objects.filter(
        operation__subject=reservation.public_id, operation__kind=OperationKind.RELEASE
    ).select_related("operation", "server")
    for part in parts:
        outcomes.server_returned(part=part)
    outcomes.release_finished(operation=parts[0].operation)
    reservation.refresh_from_db()


def invoice(scope, amount="480.00", currency="USD", is_issued=True):
    """Return an invoice of one line that nothing was used for."""
    net = Decimal(amount)
    made = Invoice.objects.create(
        organization=scope.organization,
        month=MARCH,
        currency=currency,
        state=InvoiceState.DRAFT,
        subtotal=net,
        total=net,
        seller=SELLER,
        buyer=buyer_of(BillingProfile(organization=scope.organization, country="DE", tax_id="DE811569869")),
    )
    line = {"kind": LineKind.FEE, "label": "train-7b: called off before it began", "project": scope.project}
    InvoiceLine.objects.create(invoice=made, position=1, amount=net, **line)
    return issue_invoice(actor=SYSTEM, invoice=made) if is_issued else made


def under_contract():
    """Return a customer that owes the minimum of a contract for January, having used nothing, and its contract."""
    term = {"starts_at": MID_JANUARY, "ends_at": span_of(JANUARY).end}
    with clock_at(MID_JANUARY - timedelta(days=15)):
        scope = builders.stage(servers=1)
        row = builders.line(count=1, **term)
        contract = builders.active(scope, row, minimum_spend=Decimal(5000), po_number="PO-9", **term)
    close(scope.organization, JANUARY)
    return scope, contract


def note(invoice, net="1.00", reason="late"):
    """Take back a part of an invoice."""
    money = Money(Decimal(net), invoice.currency)
    return issue_credit_note(actor=SYSTEM, invoice=invoice, net=money, reason=reason)


def some_of_everything(scope, reservation):
    """Make a row of every kind of billing."""
    organization, one = scope.organization, Money(Decimal(1), "USD")
    set_profile(actor=SYSTEM, organization=organization, po_number="PO-7")
    made = invoice(scope)
    record_payment(actor=SYSTEM, invoice=made, amount=one, reference=f"bank {made.pk}")
    issue_credit_note(actor=SYSTEM, invoice=made, net=one, reason="late")
    given = {"label": "late", "reference": f"ticket {made.pk}", "month": MARCH}
    grant_credit(actor=SYSTEM, organization=organization, amount=one, **given)
    allocation = reservation.allocations.first()
    UsageRecord.objects.create(
        organization=organization,
        reservation=reservation,
        allocation=allocation,
        server=allocation.server,
        position=0,
        meter=Meter.RESERVED,
        month=MARCH,
        period=span_of(MARCH).as_range(),
        duration=timedelta(days=31),
        recorded_by="Metalyard",
    )


def close(organization, month, at=None):
    """Close a month, two hours after its end unless told otherwise."""
    after = at or datetime(month.year + month.month // 12, month.month % 12 + 1, 1, 2, tzinfo=UTC)
    with clock_at(max(after, clock.now())):
        return close_month(actor=SYSTEM, organization=organization, month=month)
