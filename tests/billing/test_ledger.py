"""The ledger: balanced, and never changed."""

from decimal import Decimal

import pytest
from django.db import connection

from portal.audit.models import AuditEvent
from portal.billing.models import AccountKind, Entry, Leg
from portal.billing.selectors.ledger import balance, unbalanced
from portal.billing.services.ledger import Posting, account_of, post_entry, reversed_legs
from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from tests import factories
from tests.billing.books import balances, execute, refused

pytestmark = pytest.mark.django_db
TABLES = ("account", "entry", "leg")


@pytest.fixture
def organization():
    return factories.organization()


def post(organization, amount="12.34", reference="inv_1", currency="USD"):
    legs = {
        account_of(AccountKind.RECEIVABLE, currency, organization): Decimal(amount),
        account_of(AccountKind.REVENUE, currency, organization): -Decimal(amount),
    }
    return post_entry(actor=SYSTEM, organization=organization, posting=Posting("test", reference, "Test", legs))


def test_an_entry_has_two_sides(organization):
    entry = post(organization)

    assert balances(organization) == {"receivable": Decimal("12.34"), "revenue": Decimal("-12.34")}
    assert unbalanced() == {}
    assert AuditEvent.objects.filter(verb="ledger.posted", target=entry.public_id).count() == 1


def test_the_same_is_posted_once(organization):
    post(organization)

    with pytest.raises(StateConflict, match="in the ledger already"):
        post(organization, amount="5.00")

    assert balance(AccountKind.RECEIVABLE, "USD", organization).amount == Decimal("12.34")
    assert Entry.objects.count() == 1


def test_an_entry_is_undone_by_another_one(organization):
    entry = post(organization)

    posting = Posting("test.void", "inv_1", "Undone", reversed_legs(entry))
    post_entry(actor=SYSTEM, organization=organization, posting=posting)

    assert balances(organization) == {}
    assert Entry.objects.count() == 2


def test_currencies_do_not_mix(organization):
    legs = {
        account_of(AccountKind.RECEIVABLE, "USD", organization): Decimal(10),
        account_of(AccountKind.REVENUE, "EUR"): Decimal(-10),
    }

    with pytest.raises(ValueError, match="sum to"):
        post_entry(actor=SYSTEM, organization=organization, posting=Posting("test", "x", "Test", legs))

    assert not Leg.objects.exists()


def test_nothing_finer_than_a_currency_is_posted(organization):
    with pytest.raises(ValueError, match="finer"):
        post(organization, amount="10.50", currency="JPY")

    assert not Leg.objects.exists()


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("sql", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_database_refuses_to_change_it(organization, table, sql):
    name = f"billing_{table}"
    post(organization)
    if sql.startswith("TRUNCATE"):
        # Not before what is deferred is looked at, or the table could not be altered.
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        for one in ("account", "entry", "leg", "invoice", "invoiceline", "creditnote", "payment"):
            execute(f"ALTER TABLE billing_{one} ENABLE TRIGGER billing_{one}_no_truncate")

    assert "append-only" in refused(sql.format(name))

    assert Leg.objects.count() == 2


def unbalanced_leg(organization):
    post(organization)
    account_of(AccountKind.CASH, "USD")
    return """
    INSERT INTO billing_leg (entry_id, account_id, amount)
    SELECT e.id, a.id, 1 FROM billing_entry e, billing_account a WHERE a.kind = 'cash'
    """


def test_no_leg_is_added_to_an_entry(organization):
    assert "is off by" in refused(unbalanced_leg(organization))

    assert Leg.objects.count() == 2


def test_an_entry_without_legs_is_refused(organization):
    sql = """
    INSERT INTO billing_entry (public_id, created_at, at, label, reference, words, actor_label)
    VALUES ('ent_x', now(), now(), 'test', 'x', '', '')
    """

    assert "has no two legs" in refused(sql)

    assert not Entry.objects.exists()


def test_it_would_be_off_without_the_trigger(organization):
    """The control: what ``test_no_leg_is_added_to_an_entry`` refuses is what the check after each test would find."""
    sql = unbalanced_leg(organization)
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    savepoint = "before"
    execute(f"SAVEPOINT {savepoint}")
    execute("ALTER TABLE billing_leg DISABLE TRIGGER billing_leg_balanced")
    execute(sql)

    assert unbalanced() == {"USD": Decimal(1)}

    execute(f"ROLLBACK TO SAVEPOINT {savepoint}")
    assert connection.in_atomic_block
