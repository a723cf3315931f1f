"""A row of every table of states, put into any of its states."""

from contextlib import nullcontext
from datetime import timedelta

from django.apps import apps

from portal.catalog.models import PriceBook
from portal.catalog.states import BookState
from portal.core import clock
from portal.core.models import Stateful
from portal.operations.models import Operation, OperationServer
from portal.reservations.models import Allocation
from tests import factories
from tests.approvals import deeds
from tests.billing import yard
from tests.billing.books import execute
from tests.contracts import builders
from tests.sla import promises
from tests.thawing import thawed
from tests.webhooks import receiving

MODELS = {model.STATES.name: model for model in apps.get_models() if issubclass(model, Stateful)}


def _started():
    factories.server()
    return factories.reservation(starts_at=None)


def _ahead():
    return factories.price_book(start=clock.now() + timedelta(days=1), state=BookState.DRAFT)


def _contract():
    """Return a draft that may follow its table alone, as the invoice below."""
    row = builders.draft(builders.stage())
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("ALTER TABLE contracts_contract DROP CONSTRAINT contract_offer_ends")
    return row


def _invoice():
    """Return a draft that may follow its table alone: else the database asks for a number in some of its states."""
    row = yard.invoice(factories.scope(), is_issued=False)
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("ALTER TABLE billing_invoice DROP CONSTRAINT invoice_number_when_issued")
    return row


MAKERS = {
    "contract": _contract,
    "approval": deeds.answered,
    "price_book": _ahead,
    "server": factories.server,
    "quota_request": factories.quota_request,
    "quote": factories.hold,
    "image_import": factories.image_import,
    "waitlist_entry": factories.waitlist_entry,
    "invoice": _invoice,
    "webhook_endpoint": lambda: receiving.endpoint(factories.scope())[0],
    "sla_credit": promises.credit,
    "incident": promises.incident,
    "maintenance": promises.maintenance,
    "reservation": _started,
    "allocation": lambda: Allocation.objects.get(reservation=_started()),
    "operation": lambda: Operation.objects.get(subject=_started().public_id),
    "operation_server": lambda: OperationServer.objects.get(operation__subject=_started().public_id),
}


def make(name):
    """Return a fresh row of the table of that name."""
    return MAKERS[name]()


def put(row, state):
    """Put a row into a state past all rules, as a test's beginning."""
    with thawed() if isinstance(row, PriceBook) else nullcontext():
        type(row).objects.filter(pk=row.pk).update(state=state, state_reason="", state_deadline_at=None)
    row.refresh_from_db()


def stored(row):
    """Return all columns of the row as the database has them."""
    return type(row).objects.filter(pk=row.pk).values().get()
