"""Reading the ledger and breaking its rules, as the tests of billing do."""

from decimal import Decimal

from django.db import IntegrityError, connection, transaction

from portal.billing.models import AccountKind
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
    found = {kind: balance(kind, currency, organization if kind.value in OF_CUSTOMERS else None).amount for kind in KINDS}
    return {kind.value: amount for kind, amount in found.items() if amount != Decimal(0)}


KINDS = tuple(AccountKind)
OF_CUSTOMERS = ("receivable", "prepaid")
