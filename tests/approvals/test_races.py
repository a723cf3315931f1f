"""Two people decide at once: it is done once. The control shows that it would be done twice without the guard."""

import threading

import pytest

from portal.approvals import services
from portal.approvals.models import Approval
from portal.core.errors import StateConflict
from portal.tenancy.staff import StaffRole
from tests import racing, staff
from tests.approvals import deeds

pytestmark = pytest.mark.django_db(transaction=True)


def unguarded(row, to, **told):
    """Write a decision, and never ask whether somebody was quicker."""
    fields = {name: told[name] for name in ("decided_by", "decided_at", "comment")}
    Approval.objects.filter(pk=row.pk, decided_by=None).update(state=to, **fields)


@pytest.mark.parametrize("is_guarded", [True, False])
def test_two_who_decide_at_once_do_it_once(is_guarded, monkeypatch):
    made = deeds.ask()
    people = [staff.person(role).as_actor() for role in (StaffRole.SALES, StaffRole.SALES_LEAD)]
    both_looked = threading.Barrier(2)
    look = services.why_not

    def look_then_wait(person, approval):
        said = look(person, approval)
        try:
            both_looked.wait(0.5 if is_guarded else racing.PATIENCE_S)
        except threading.BrokenBarrierError:
            assert is_guarded
        return said

    monkeypatch.setattr(services, "why_not", look_then_wait)
    if not is_guarded:
        monkeypatch.setattr(services, "lock_row", lambda model, pk: model.objects.get(pk=pk))
        monkeypatch.setattr(services, "advance", unguarded)

    outcomes = racing.race(2, lambda number: services.decide(actor=people[number], approval=made, approve=True))

    refused = [outcome for outcome in outcomes if isinstance(outcome, StateConflict)]
    assert (len(refused), deeds.done().count()) == ((1, 1) if is_guarded else (0, 2))
