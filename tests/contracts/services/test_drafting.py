"""Writing contracts: every wrong field is named, and then nothing has changed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from portal.contracts.models import Contract, ContractLine, Series
from portal.contracts.services.drafting import draft_contract, edit_contract, set_lines
from portal.core import clock
from portal.core.errors import InvalidInput, StateConflict
from tests import factories
from tests.contracts import builders
from tests.contracts.builders import DAY, line, tomorrow, wish, wrong

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope():
    return builders.stage(servers=0)


@pytest.fixture
def actor():
    return builders.seller().as_actor()


def test_a_draft_takes_currency_number_and_clauses(scope, actor):
    factories.organization(currency="EUR")
    contract = draft_contract(
        actor=actor,
        wish=wish(scope, template="committed-1", minimum_spend=Decimal(20_000), clauses={"notice_days": 60}),
    )

    assert (contract.currency, contract.state, contract.version) == ("USD", "draft", 1)
    assert contract.number == f"C-{clock.now().year}-00001"
    assert (contract.renewal, contract.renewal_months, contract.notice_days) == ("option", 12, 60)
    assert contract.author.public_id == actor.id


def test_numbers_have_no_gaps_when_a_draft_is_refused(scope, actor):
    draft_contract(actor=actor, wish=wish(scope))
    with pytest.raises(InvalidInput):
        draft_contract(actor=actor, wish=wish(scope, title=""))
    second = draft_contract(actor=actor, wish=wish(scope))

    assert (second.serial, Series.objects.get().last) == (2, 2)


WRONG_HEADS = {
    "no title": ({"title": " "}, {("title", "length")}),
    "past start": ({"starts_at": tomorrow() - 2 * DAY}, {("starts_at", "in_the_past")}),
    "ends before it starts": ({"ends_at": tomorrow()}, {("ends_at", "not_after_start")}),
    "endless": ({"ends_at": tomorrow() + 4000 * DAY}, {("ends_at", "too_long")}),
    "unknown form": ({"template": "napkin"}, {("template", "unknown")}),
    "unknown currency": ({"currency": "XXX"}, {("currency", "unknown")}),
    "late payment": ({"payment_days": 181}, {("payment_days", "out_of_range")}),
    "negative spend": ({"minimum_spend": Decimal(-1)}, {("minimum_spend", "out_of_range")}),
    "spend in tenths of a cent": ({"minimum_spend": Decimal("1.001")}, {("minimum_spend", "out_of_range")}),
    "no number": ({"minimum_spend": Decimal("NaN")}, {("minimum_spend", "out_of_range")}),
    "less than the form asks for": (
        {"template": "committed-1", "ends_at": tomorrow() + DAY},
        {("minimum_spend", "too_low"), ("ends_at", "too_short")},
    ),
    "renewed for how long": ({"clauses": {"renewal": "automatic"}}, {("renewal_months", "required")}),
    "unknown renewal": ({"clauses": {"renewal": "maybe"}}, {("renewal", "unknown")}),
    "unknown clause": ({"clauses": {"pets": True}}, {("pets", "unknown")}),
    "more than all": ({"clauses": {"early_end_percent": Decimal(101)}}, {("early_end_percent", "out_of_range")}),
    "regulated without saying where": (
        {"template": "regulated-1"},
        {("data_locations", "required"), ("subcontractors", "required")},
    ),
}


@pytest.mark.parametrize(("fields", "errors"), WRONG_HEADS.values(), ids=WRONG_HEADS)
def test_each_wrong_field_of_the_head_is_named(scope, actor, fields, errors):
    with pytest.raises(InvalidInput) as refusal:
        draft_contract(actor=actor, wish=wish(scope, **fields))

    assert wrong(refusal) == errors
    assert not Contract.objects.exists()


def test_a_project_of_somebody_else_is_refused(scope, actor):
    with pytest.raises(InvalidInput) as refusal:
        draft_contract(actor=actor, wish=wish(scope, project=factories.project()))

    assert wrong(refusal) == {("project", "unknown")}


def test_lines_take_list_and_floor_as_they_are_now(scope, actor):
    contract = draft_contract(actor=actor, wish=wish(scope))
    ramp = [line(), line(count=4, starts_at=tomorrow() + 30 * DAY, unit_price=Decimal("2.40"), discount=Decimal(5))]
    first, second = set_lines(actor=actor, contract=contract, lines=ramp)

    assert (first.unit_price, first.list_price, first.floor_price) == (Decimal("2.5"), Decimal("2.5"), Decimal("2.0"))
    assert second.money.net == Decimal("2.28")
    (only,) = set_lines(actor=actor, contract=contract, lines=[line(count=3)])
    assert list(contract.lines.all()) == [only]


WRONG_LINES = {
    "no servers": ({"count": 0}, ("count", "out_of_range")),
    "a negative number": ({"count": -1}, ("count", "out_of_range")),
    "very many": ({"count": 513}, ("count", "out_of_range")),
    "past start": ({"starts_at": tomorrow() - 2 * DAY}, ("starts_at", "in_the_past")),
    "after the term": ({"ends_at": tomorrow() + 91 * DAY}, ("ends_at", "outside_term")),
    "begins at its end": ({"ends_at": tomorrow()}, ("ends_at", "not_after_start")),
    "begins at the end of the term": (
        {"starts_at": tomorrow() + 90 * DAY, "ends_at": tomorrow() + 91 * DAY},
        ("starts_at", "outside_term"),
    ),
    "another currency": ({"currency": "EUR"}, ("currency", "mixed")),
    "below the floor": ({"discount": Decimal("20.01")}, ("below_floor_reason", "required")),
    "too fine": ({"unit_price": Decimal("2.123456"), "discount": Decimal("0.5")}, ("discount", "too_fine")),
    "more than all off": ({"discount": Decimal(101)}, ("discount", "out_of_range")),
    "no number": ({"discount": Decimal("NaN")}, ("discount", "out_of_range")),
    "endless price": ({"unit_price": Decimal("Infinity")}, ("unit_price", "out_of_range")),
    "negative price": ({"unit_price": Decimal(-1)}, ("unit_price", "out_of_range")),
    "unknown placement": ({"placement": "moon"}, ("placement", "unknown")),
    "very many beyond": ({"overflow": 513}, ("overflow", "out_of_range")),
}


@pytest.mark.parametrize(("fields", "error"), WRONG_LINES.values(), ids=WRONG_LINES)
def test_each_wrong_field_of_a_row_is_named_with_its_row(scope, actor, fields, error):
    contract = draft_contract(actor=actor, wish=wish(scope))
    set_lines(actor=actor, contract=contract, lines=[line()])
    before = list(contract.lines.values())
    with pytest.raises(InvalidInput) as refusal:
        set_lines(actor=actor, contract=contract, lines=[line(), replace(line(), **fields)])

    assert (f"lines.1.{error[0]}", error[1]) in wrong(refusal)
    assert {field.split(".")[1] for field, _ in wrong(refusal)} == {"1"}
    assert list(contract.lines.values()) == before


def test_all_wrong_rows_are_named_at_once(scope, actor):
    contract = draft_contract(actor=actor, wish=wish(scope))
    elsewhere = factories.region("moon-1")
    with pytest.raises(InvalidInput) as refusal:
        set_lines(actor=actor, contract=contract, lines=[line(count=0), line(region=elsewhere), line(currency="EUR")])

    assert wrong(refusal) == {
        ("lines.0.count", "out_of_range"),
        ("lines.1.server_type", "not_sold"),
        ("lines.2.currency", "mixed"),
    }


@pytest.mark.parametrize(("lines", "code"), [([], "required"), ([line] * 101, "too_many")])
def test_no_lines_and_far_too_many_are_refused(scope, actor, lines, code):
    contract = draft_contract(actor=actor, wish=wish(scope))
    with pytest.raises(InvalidInput) as refusal:
        set_lines(actor=actor, contract=contract, lines=[make() for make in lines])

    assert wrong(refusal) == {("lines", code)}
    assert not ContractLine.objects.exists()


def test_below_the_floor_takes_a_reason(scope, actor):
    contract = draft_contract(actor=actor, wish=wish(scope))
    cheap = line(discount=Decimal(30), below_floor_reason="a launch customer")
    (made,) = set_lines(actor=actor, contract=contract, lines=[cheap])

    assert made.money.is_below_floor


def test_the_head_is_written_anew_while_it_is_a_draft(scope, actor):
    contract = builders.draft(scope)
    edit_contract(actor=actor, contract=contract, wish=wish(scope, title="Other", po_number=" 4711 "))
    contract.refresh_from_db()
    assert (contract.title, contract.po_number, contract.lines.count()) == ("Other", "4711", 1)

    with pytest.raises(InvalidInput) as refusal:
        edit_contract(actor=actor, contract=contract, wish=wish(scope, ends_at=tomorrow() + 80 * DAY))
    assert wrong(refusal) == {("ends_at", "lines_outside")}
    with pytest.raises(InvalidInput) as refusal:
        edit_contract(actor=actor, contract=contract, wish=wish(scope, currency="EUR"))
    assert wrong(refusal) == {("currency", "mixed")}


def test_what_is_offered_is_not_edited(scope, actor):
    contract = builders.draft(scope)
    Contract.objects.filter(pk=contract.pk).update(state="quoted", valid_until=clock.now() + timedelta(days=1))

    with pytest.raises(StateConflict):
        set_lines(actor=actor, contract=contract, lines=[line()])
    with pytest.raises(StateConflict):
        edit_contract(actor=actor, contract=contract, wish=wish(scope))
