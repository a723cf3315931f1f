"""What is renewed unless somebody gives notice is, when the time for that is over; a notice in time ends it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.core import mail
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.catalog.models import Price
from portal.contracts.arithmetic import months_later
from portal.contracts.models import Contract
from portal.contracts.selectors import due_contracts
from portal.contracts.services.amending import amend_contract, renew_contract
from portal.contracts.services.drafting import edit_contract
from portal.contracts.services.ending import move_on, terminate_contract
from portal.contracts.services.quoting import lose_contract
from portal.core.errors import InvalidInput
from portal.reservations.models import Reservation
from portal.tenancy.staff import StaffRole
from tests import staff
from tests.contracts import builders
from tests.contracts.builders import DAY, author_of, line, tomorrow, wrong
from tests.thawing import thawed
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db
CLAUSES = {"renewal": "automatic", "renewal_months": 3, "notice_days": 30}


@pytest.fixture
def scope():
    return builders.stage(servers=6)


@pytest.fixture
def contract(scope):
    return builders.active(scope, clauses=CLAUSES)


def late(contract, days=30):
    return time_machine.travel(contract.span.end - days * DAY, tick=False)


def terminate(contract, at):
    return terminate_contract(actor=author_of(contract), contract=contract, at=at, reason="moves on")


def test_without_notice_the_next_term_is_in_force(scope, contract, django_capture_on_commit_callbacks):
    assert list(due_contracts()) == []
    with thawed():
        Price.objects.update(per_gpu_hour=Decimal(4), floor_per_gpu_hour=Decimal(3))
    with late(contract), django_capture_on_commit_callbacks(execute=True):
        assert move_on(contract=contract)
        assert list(due_contracts()) == []
        assert not move_on(contract=contract)
    renewed = Contract.objects.get(renews=contract)

    assert (renewed.state, renewed.span.start) == ("active", contract.span.end)
    assert renewed.span.end == months_later(contract.span.end, 3)
    assert [(row.unit_price, row.span, row.count) for row in renewed.lines.all()] == [
        (Decimal("2.5"), renewed.span, 2),
    ]
    reservation = Reservation.objects.get(contract_lines__line__contract=renewed)
    assert (reservation.state, reservation.rate_per_gpu_hour) == ("scheduled", Decimal("2.5"))
    assert [letter.subject for letter in mail.outbox] == [f"Contract {contract.number} is renewed"]
    page = browser_of(scope).get(f"/contracts/{renewed.public_id}")
    assert (page.status_code, b"Sign the contract" in page.content) == (200, False)


def test_a_notice_in_time_ends_it_with_its_term(scope, contract):
    terminate(contract, contract.span.end)
    with late(contract):
        assert list(due_contracts()) == []
    with late(contract, days=0):
        assert move_on(contract=contract)

    contract.refresh_from_db()
    assert (contract.state, contract.state_reason) == ("terminated", "moves on")
    assert Contract.objects.count() == 1


def test_a_notice_that_is_too_late_names_what_it_was_renewed_as(contract):
    with late(contract):
        move_on(contract=contract)
        with pytest.raises(InvalidInput) as refusal:
            terminate(contract, contract.span.end)

    assert wrong(refusal) == {("at", "renewed")}
    assert str(Contract.objects.get(renews=contract)) in refusal.value.detail


def test_without_room_nothing_is_half_made_and_the_first_page_counts_it(scope, contract):
    term = {"starts_at": contract.span.end + DAY, "ends_at": contract.span.end + 2 * DAY}
    builders.active(scope, line(count=6, **term), **term)
    rows = Reservation.objects.count()
    with late(contract):
        assert not move_on(contract=contract)
        assert list(due_contracts()) == [contract]
        assert (
            "Contracts that should renew and do not" in staff.browser(StaffRole.SALES).get("/admin/").content.decode()
        )

    assert not Contract.objects.filter(renews=contract).exists()
    assert Reservation.objects.count() == rows


def test_what_sales_has_begun_is_not_begun_again(contract):
    with late(contract):
        begun = renew_contract(actor=author_of(contract), contract=contract, ends_at=contract.span.end + 90 * DAY)
        assert list(due_contracts()) == []
        lose_contract(actor=author_of(contract), contract=begun, reason="by the clause instead")
        assert list(due_contracts()) == [contract]


def test_a_later_version_of_what_is_renewed_is_not_renewed_again(scope, contract):
    with late(contract):
        move_on(contract=contract)
        after = amend_contract(actor=author_of(contract), contract=contract)
        Contract.objects.filter(pk=contract.pk).update(state="terminated")
        Contract.objects.filter(pk=after.pk).update(state="active")
        assert list(due_contracts()) == []


def test_a_notice_is_not_longer_than_what_it_renews_for(scope):
    contract = builders.draft(scope)
    for days, months in ((32, 1), (3660, 12)):
        wish = builders.wish(scope, clauses={**CLAUSES, "notice_days": days, "renewal_months": months})
        with pytest.raises(InvalidInput) as refusal:
            edit_contract(actor=author_of(contract), contract=contract, wish=replace(wish))
        assert wrong(refusal) == {("notice_days", "too_long")}


def test_a_minimum_spend_is_as_much_a_month(scope):
    start = (tomorrow() + 40 * DAY).replace(day=1)
    year = {"starts_at": start, "ends_at": months_later(start, 12)}
    contract = builders.active(scope, line(**year), minimum_spend=Decimal(100_000), **year)
    ends_at = months_later(contract.span.end, 3)

    renewed = renew_contract(actor=author_of(contract), contract=contract, ends_at=ends_at)
    assert renewed.minimum_spend == Decimal(25_000)


@given(st.datetimes(datetime(2024, 1, 1), datetime(2031, 1, 1)), st.integers(0, 120))
@settings(max_examples=100)
def test_months_later_is_the_same_day_or_the_last_of_the_month(moment, months):
    found = months_later(moment.replace(tzinfo=UTC), months)

    assert (found.year * 12 + found.month) - (moment.year * 12 + moment.month) == months
    assert found.day == moment.day or (found.day < moment.day and (found + timedelta(days=1)).day == 1)
    assert found.time() == moment.time()
