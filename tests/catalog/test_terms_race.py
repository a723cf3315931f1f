"""Two people of the staff who give one book other terms at the same time."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from portal.audit.models import AuditEvent
from portal.catalog.models import PriceBook
from portal.catalog.selectors import terms_of
from portal.catalog.services import books as services
from portal.catalog.terms import CancellationTerms
from portal.core.actors import SYSTEM
from tests import factories
from tests.racing import Runner, await_blocked

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = CancellationTerms.of_pairs([(timedelta(hours=24), Decimal(25))])
SECOND = CancellationTerms.of_pairs([(timedelta(hours=12), Decimal(50))])


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "control"])
def test_the_terms_of_two_people_never_mix(monkeypatch, is_guarded):
    """The control leaves the lock out: then a book ends with steps of both."""
    book = factories.price().book
    if not is_guarded:
        monkeypatch.setattr(services, "lock_row", lambda model, pk: model.objects.get(pk=pk))

    with transaction.atomic():
        services.set_terms(actor=SYSTEM, book=book, terms=FIRST)
        second = Runner(lambda: services.set_terms(actor=SYSTEM, book=book, terms=SECOND))
        if is_guarded:
            await_blocked(1)
        else:
            assert second.result() is None

    assert second.result() is None
    held = terms_of(PriceBook.objects.get())
    before = AuditEvent.objects.get(data__terms=SECOND.as_json()).data["before"]
    if is_guarded:
        assert (held, before) == (SECOND, FIRST.as_json())
    else:
        assert (held.steps, before) == (FIRST.steps + SECOND.steps, [])
