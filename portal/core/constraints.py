"""The database says no first: its refusals in the words of the domain."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from portal.core.errors import DomainError


@contextmanager
def refuse(constraint: str, refusal: DomainError, *, savepoint: bool = True) -> Iterator[None]:
    """Raise ``refusal`` where the database's ``constraint`` refuses what is written inside; then it is undone.

    Without a ``savepoint`` the block around it must not go on after a refusal: it is undone as a whole. Other
    violations go on as they are: they are faults, not answers.
    """
    try:
        with transaction.atomic(savepoint=savepoint):
            yield
    except IntegrityError as error:
        if _name_of(error) == constraint:
            raise refusal from None
        raise


def _name_of(error: IntegrityError) -> str:
    """Return the name of the violated constraint, as PostgreSQL reports it beside the message."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return str(getattr(diagnostics, "constraint_name", "") or "")
