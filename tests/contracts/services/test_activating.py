"""Activation makes everything that was agreed in one transaction, or nothing."""

from decimal import Decimal

import pytest
import time_machine

from portal.audit.models import AuditEvent
from portal.catalog.models import OSImage
from portal.contracts.models import Commitment, ContractReservation
from portal.contracts.services import activating
from portal.contracts.services.activating import activate_contract
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from portal.core.periods import Period
from portal.quotas.models import Quota
from portal.reservations.models import Allocation, Quote, Reservation
from portal.reservations.services.holds import expire_quote
from portal.reservations.states import HOLDING
from tests import factories
from tests.contracts import builders
from tests.contracts.builders import DAY, author_of, line, tomorrow, wrong

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope():
    return builders.stage(servers=6)


def activate(contract):
    made = activate_contract(actor=author_of(contract), contract=contract)
    contract.refresh_from_db()
    return made


def ramp(**kwargs):
    return [
        line(count=2, discount=Decimal(10), sla_tier=builders.tier(), overflow=4, **kwargs),
        line(count=3, starts_at=tomorrow() + 30 * DAY, **kwargs),
    ]


def test_a_ramp_becomes_reservations_quota_and_commitment(scope):
    contract = builders.signed(scope, *ramp(), minimum_spend=Decimal(50_000))
    made = activate(contract)

    assert contract.state == "active"
    first, second = made.reservations
    assert [(row.state, row.is_committed, row.project) for row in made.reservations] == [
        ("scheduled", True, scope.project)
    ] * 2
    assert (first.name, second.name) == (f"{contract.number.lower()}-1", f"{contract.number.lower()}-2")
    assert (first.rate_per_gpu_hour, first.sla_tier) == (Decimal("2.25"), builders.tier())
    assert second.sla_tier is None
    assert [row.price for row in made.reservations] == [item.money.total.amount for item in contract.lines.all()]
    assert second.span == Period(tomorrow() + 30 * DAY, tomorrow() + 90 * DAY)
    assert first.ssh_keys == [factories.KEY]
    assert (made.quotas[0].limit, Quota.objects.count()) == (4, 1)
    assert (made.commitment.owed.amount, made.commitment.span) == (50_000, contract.span)
    assert set(Quote.objects.values_list("state", flat=True)) == {"accepted"}
    event = AuditEvent.objects.get(target=contract.public_id, data__to="active")
    assert event.data["reservations"] == [first.public_id, second.public_id]


def test_a_higher_quota_stays_as_it_is(scope):
    factories.quota(scope.organization, 64)
    made = activate(builders.signed(scope, *ramp()))

    assert made.quotas == []
    assert Quota.objects.get().limit == 64


def test_without_a_hold_it_takes_what_is_free(scope):
    contract = builders.signed(scope)
    Quote.objects.update(expires_at=clock.now())
    made = activate(contract)

    assert made.reservations[0].state == "scheduled"
    assert Quote.objects.get().state != "accepted"


def test_a_line_that_began_before_it_was_booked_is_paid_from_now_on(scope):
    contract = builders.signed(scope)
    with time_machine.travel(contract.span.start + 30 * DAY, tick=False):
        Quote.objects.update(expires_at=clock.now())
        (reservation,) = activate(contract).reservations

    assert reservation.span.start == contract.span.start + 30 * DAY
    assert reservation.price == Decimal("57600.00")


def test_failure_leaves_nothing_half_made(scope):
    contract = builders.signed(scope, line(count=2, overflow=9), line(count=4), minimum_spend=Decimal(1))
    # What was held has run out, and somebody else has taken a server.
    Quote.objects.update(expires_at=clock.now())
    factories.quota(scope.organization, 1)
    for quote in Quote.objects.all():
        expire_quote(actor=SYSTEM, quote=quote)
    factories.reservation(scope, starts_at=contract.span.start, ends_at=contract.span.start + DAY)
    before = list(Reservation.objects.values().order_by("pk"))
    with pytest.raises(InvalidInput) as refusal:
        activate(contract)

    assert wrong(refusal) == {("lines.1.count", "insufficient_capacity")}
    contract.refresh_from_db()
    assert contract.state == "countersigned"
    assert list(Reservation.objects.values().order_by("pk")) == before
    assert (ContractReservation.objects.count(), Commitment.objects.count()) == (0, 0)
    assert Quota.objects.get().limit == 1
    assert Allocation.objects.filter(state__in=HOLDING).count() == 1


def test_a_fault_at_the_very_end_undoes_all(scope, monkeypatch):
    contract = builders.signed(scope, *ramp(), minimum_spend=Decimal(1))

    def breaks(_made):
        raise RuntimeError

    monkeypatch.setattr(activating, "told", breaks)
    with pytest.raises(RuntimeError):
        activate(contract)

    assert set(Reservation.objects.values_list("state", flat=True)) == {"held"}
    assert (ContractReservation.objects.count(), Quota.objects.count(), Commitment.objects.count()) == (0, 0, 0)


def test_nobody_could_log_in_without_a_key(scope):
    contract = builders.signed(scope)
    scope.project.ssh_keys.all().delete()
    with pytest.raises(InvalidInput) as refusal:
        activate(contract)
    assert wrong(refusal) == {("project", "no_ssh_key")}

    factories.ssh_key(scope.project)
    OSImage.objects.update(is_published=False)
    with pytest.raises(InvalidInput) as refusal:
        activate(contract)
    assert wrong(refusal) == {("image", "required")}
    assert Reservation.objects.get().state == "held"


def test_only_what_is_signed_becomes_active_and_only_once(scope):
    contract = builders.sent(scope)
    with pytest.raises(StateConflict, match="is sent"):
        activate(contract)
    activate(builders.sign(scope, contract))
    with pytest.raises(StateConflict, match="is active"):
        activate(contract)

    assert Reservation.objects.count() == 1


def test_a_term_that_is_over_is_not_begun(scope):
    contract = builders.signed(scope)
    with time_machine.travel(contract.span.end, tick=False), pytest.raises(StateConflict, match="over"):
        activate(contract)


def test_what_a_contract_reserved_is_called_off_at_its_price(scope):
    contract = builders.signed(scope, clauses={"early_end_percent": Decimal(40)})
    (reservation,) = activate(contract).reservations

    assert reservation.cancellation_terms == [{"notice_hours": 0, "percent": "40"}]
