"""Reminders of what is overdue: by the table, once each, until it is paid."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail

from portal.audit.models import AuditEvent
from portal.billing.models import Reminder
from portal.billing.reminders import STEPS, Stage, step_due, step_to_come
from portal.billing.selectors.amounts import open_amount
from portal.billing.services.issuing import void_invoice
from portal.billing.services.payments import record_payment
from portal.core.actors import SYSTEM
from portal.core.money import Money
from portal.tenancy.models import Membership
from portal.tenancy.roles import Role
from portal.tenancy.staff import StaffRole
from provisioning.reconcile import send_reminders
from tests import factories, staff
from tests.billing import yard
from tests.billing.books import refused
from tests.racing import race

DAY = timedelta(days=1)


@pytest.fixture
def scope(db):
    return factories.scope()


@pytest.fixture
def clerk(scope):
    return factories.scope(Role.BILLING, scope.project)


@pytest.fixture
def swept(django_capture_on_commit_callbacks):
    """Return what a sweep mails so many days after an invoice was due: subjects with recipients."""

    def sweep(invoice, days):
        mail.outbox.clear()
        with yard.clock_at(invoice.due_at + days * DAY), django_capture_on_commit_callbacks(execute=True):
            send_reminders()
        return [(message.subject.split(":")[0], sorted(message.to)) for message in mail.outbox]

    return sweep


def test_the_table_is_in_order_and_each_step_has_its_turn():
    assert [step.after for step in STEPS] == sorted({step.after for step in STEPS})
    assert [step.stage for step in STEPS] == list(Stage)
    assert step_due(2 * DAY, set()) is None
    assert step_due(3 * DAY, set()).stage == Stage.FRIENDLY
    assert step_due(3 * DAY, {"friendly"}) is None
    assert step_due(40 * DAY, {"friendly"}).stage == Stage.LAST
    assert step_due(40 * DAY, {"last"}) is None
    assert step_to_come(30 * DAY) is None
    assert step_to_come(DAY).stage == Stage.FRIENDLY


def test_each_reminder_goes_out_once_and_to_whom_the_table_says(scope, clerk, swept):
    factories.scope(Role.OPERATOR, scope.project)
    invoice = yard.invoice(scope)
    everybody = sorted([scope.actor.label, clerk.actor.label])

    assert swept(invoice, 2) == []
    assert swept(invoice, 3) == [
        (f"Invoice {invoice.number} was due on {invoice.due_at:%d %b %Y}", [clerk.actor.label])
    ]
    assert "USD 480.00 of invoice" in mail.outbox[0].body
    assert f"/invoices/{invoice.public_id}" in mail.outbox[0].body
    assert swept(invoice, 4) == []
    assert swept(invoice, 14) == [("Reminder", everybody)]
    assert swept(invoice, 30) == [("Last reminder", everybody)]
    assert swept(invoice, 300) == []
    assert list(Reminder.objects.values_list("stage", flat=True)) == [stage.value for stage in Stage]
    assert AuditEvent.objects.filter(verb="invoice.reminded", target=invoice.public_id).count() == 3


def test_without_anybody_for_billing_owners_are_reminded(scope, swept):
    assert swept(yard.invoice(scope), 3)[0][1] == [scope.actor.label]


def test_who_looks_late_sends_only_the_last_that_is_due(scope, swept):
    invoice = yard.invoice(scope)

    assert [subject for subject, _ in swept(invoice, 20)] == ["Reminder"]
    assert swept(invoice, 21) == []


def test_part_of_it_is_reminded_of_and_what_is_paid_is_not(scope, clerk, swept):
    invoice = yard.invoice(scope)
    record_payment(actor=SYSTEM, invoice=invoice, amount=Money(Decimal(80), "USD"), reference="a")

    assert swept(invoice, 3)
    assert "USD 400.00 of invoice" in mail.outbox[0].body
    record_payment(actor=SYSTEM, invoice=invoice, amount=open_amount(invoice), reference="b")
    assert swept(invoice, 14) == []


def test_drafts_and_void_invoices_are_not_reminded_of(scope, swept):
    invoice = yard.invoice(scope)
    void_invoice(actor=SYSTEM, invoice=invoice, reason="wrong")
    yard.invoice(scope, is_issued=False)

    assert swept(invoice, 30) == []


def test_nobody_to_tell_is_noted_all_the_same(scope, swept):
    invoice = yard.invoice(scope)
    Membership.objects.all().delete()

    swept(invoice, 3)
    assert Reminder.objects.get().sent_to == []


@pytest.mark.parametrize("change", ["UPDATE billing_reminder SET stage = 'last'", "DELETE FROM billing_reminder"])
def test_the_database_keeps_what_was_sent(scope, swept, change):
    swept(yard.invoice(scope), 3)

    assert "append-only" in refused(change)


def test_staff_sees_the_steps_on_the_invoice(scope, clerk, swept):
    invoice = yard.invoice(scope)
    swept(invoice, 3)

    with yard.clock_at(invoice.due_at + 4 * DAY):
        page = staff.browser(StaffRole.FINANCE).get(staff.page_of(invoice)).content.decode()

    assert "Reminders" in page
    assert clerk.actor.label in page
    assert f"firm, on {invoice.due_at + 14 * DAY:%d %b %Y}" in page


@pytest.mark.django_db(transaction=True)
def test_of_two_sweeps_at_once_one_reminds():
    invoice = yard.invoice(factories.scope())
    with yard.clock_at(invoice.due_at + 3 * DAY):
        race(4, lambda _number: send_reminders())

    assert Reminder.objects.count() == 1
    assert len([one for one in mail.outbox if "was due" in one.subject]) == 1
