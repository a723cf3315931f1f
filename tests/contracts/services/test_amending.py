"""Later versions: what does not change goes on, what is added is booked, what has begun is left alone."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from portal.contracts.changes import diff
from portal.contracts.models import Contract
from portal.contracts.needs import lines_of
from portal.contracts.services.activating import activate_contract
from portal.contracts.services.amending import amend_contract, renew_contract
from portal.contracts.services.drafting import set_lines
from portal.contracts.services.quoting import lose_contract, quote_contract
from portal.contracts.services.sending import send_contract
from portal.contracts.wishes import LineWish
from portal.core.errors import InvalidInput, StateConflict
from portal.reservations.models import Reservation
from tests.contracts import builders
from tests.contracts.builders import DAY, author_of, line, tomorrow, wrong

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope():
    return builders.stage(servers=6)


@pytest.fixture
def active(scope):
    return builders.active(scope, line(), line(count=1, starts_at=tomorrow() + 30 * DAY))


def wishes_of(contract):
    return [LineWish.of(row, origin=row.origin) for row in lines_of(contract)]


def amended(scope, contract, lines):
    actor = author_of(contract)
    after = amend_contract(actor=actor, contract=contract)
    set_lines(actor=actor, contract=after, lines=lines(wishes_of(after)))
    quote_contract(actor=actor, contract=after)
    send_contract(actor=actor, contract=after)
    after.refresh_from_db()
    builders.sign(scope, after)
    return activate_contract(actor=actor, contract=after)


def test_what_does_not_change_goes_on_and_what_is_added_is_booked(scope, active):
    before = list(Reservation.objects.order_by("pk"))
    made = amended(scope, active, lambda rows: [*rows, line(count=3, starts_at=tomorrow() + 60 * DAY)])
    active.refresh_from_db()

    assert [row.pk for row in made.kept] == [row.pk for row in before]
    assert [row.count for row in made.reservations] == [3]
    assert made.reservations[0].name == f"{active.number.lower()}-v2-3"
    assert (made.called_off, active.state) == ([], "terminated")
    assert active.state_reason == f"replaced by {made.contract}"
    assert (made.contract.number, made.contract.version, made.contract.amends) == (active.number, 2, active)
    assert Contract.objects.filter(state="active").count() == 1


def test_what_has_not_begun_may_be_left_out_or_changed(scope, active):
    made = amended(scope, active, lambda rows: [rows[0], replace(rows[1], discount=Decimal(5))])

    assert [row.state for row in made.called_off] == ["cancelled"]
    assert made.called_off[0].total.amount == 0
    assert [row.rate_per_gpu_hour for row in made.reservations] == [Decimal("2.375")]


def test_what_has_begun_is_neither_changed_nor_left_out(scope, active):
    Reservation.objects.filter(name__endswith="-1").update(state="provisioning")
    after = amend_contract(actor=author_of(active), contract=active)
    rows = wishes_of(after)
    for lines, field in [([replace(rows[0], count=3), rows[1]], "lines.0.count"), ([rows[1]], "lines")]:
        set_lines(actor=author_of(active), contract=after, lines=lines)
        with pytest.raises(InvalidInput) as refusal:
            quote_contract(actor=author_of(active), contract=after)
        assert wrong(refusal) == {(field, "has_begun")}
    active.refresh_from_db()
    assert active.state == "active"


def test_a_row_that_was_copied_gets_servers_of_its_own(scope, active):
    made = amended(scope, active, lambda rows: [*rows, rows[1]])

    assert (len(made.kept), len(made.reservations)) == (2, 1)


def test_there_is_one_next_version_until_it_is_lost(active):
    after = amend_contract(actor=author_of(active), contract=active)
    with pytest.raises(StateConflict, match="next version already"):
        amend_contract(actor=author_of(active), contract=active)
    lose_contract(actor=author_of(active), contract=after, reason="no longer wanted")

    assert amend_contract(actor=author_of(active), contract=active).version == 3


def test_only_what_is_in_force_is_amended_and_renewed(scope):
    contract = builders.signed(scope)
    with pytest.raises(StateConflict):
        amend_contract(actor=author_of(contract), contract=contract)
    with pytest.raises(StateConflict):
        renew_contract(actor=author_of(contract), contract=contract, ends_at=contract.span.end + DAY)


def test_the_difference_is_told_field_by_field(active):
    after = amend_contract(actor=author_of(active), contract=active)
    assert diff(active, after) == []

    rows = wishes_of(after)
    lines = [replace(rows[0], discount=Decimal("12.5")), line(count=4)]
    set_lines(actor=author_of(active), contract=after, lines=lines)
    Contract.objects.filter(pk=after.pk).update(payment_days=45)
    after.refresh_from_db()
    told = {change.what: (change.before, change.after) for change in diff(active, after)}

    assert told["payment days"] == ("30", "45")
    assert told["line 1: discount"] == ("0", "12.5")
    assert told["line 2"][0] == ""
    assert told["line 2"][1].startswith("4 x 8 x H100 in eu-north-1")
    assert told["line 2 of before"][1] == ""
    assert len(told) == 4


def test_a_renewal_is_a_contract_of_its_own_after_the_first(active):
    end = active.span.end + timedelta(days=30)
    renewed = renew_contract(actor=author_of(active), contract=active, ends_at=end)

    assert (renewed.renews, renewed.version, renewed.serial) == (active, 1, active.serial + 1)
    assert (renewed.span.start, renewed.span.end) == (active.span.end, end)
    assert [(row.span.start, row.count, row.unit_price) for row in lines_of(renewed)] == [
        (active.span.end, 2, Decimal("2.5")),
        (active.span.end, 1, Decimal("2.5")),
    ]
