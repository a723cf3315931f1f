"""Reading the ledger and breaking its rules, as the tests of billing do."""

from django.db import IntegrityError, connection, transaction

from portal.billing.models import AccountKind
from portal.billing.models.ledger import OF_CUSTOMERS
from portal.billing.selectors.ledger import balance


def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


def refused(sql):
    """Run a statement that the database must refuse, to the end of the transaction; return what it said."""
    try:
        with transaction.atomic():
            execute(sql)
            execute("SET CONSTRAINTS ALL IMMEDIATE")
    except IntegrityError as error:
        return str(error)
    raise AssertionError(f"not refused: {sql}")


def balances(organization, currency="USD"):
    """Return what all accounts hold that are not empty."""
    owners = {kind: organization if kind.value in OF_CUSTOMERS else None for kind in AccountKind}
    found = {kind.value: balance(kind, currency, owner).amount for kind, owner in owners.items()}
    return {kind: amount for kind, amount in found.items() if amount}
