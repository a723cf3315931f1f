"""What the database itself refuses of contracts."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from portal.contracts.models import Contract, ContractApproval, ContractLine, Document, Signature
from portal.contracts.rules import Approver
from portal.contracts.services.quoting import quote_contract
from portal.core import clock
from portal.core.periods import Period
from tests.contracts import builders

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def scope():
    return builders.stage()


@pytest.fixture
def draft(scope):
    return builders.draft(scope)


def refused(name, act):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        act()


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("contract_currency_known", {"currency": "XXX"}),
        ("contract_template_known", {"template": "napkin"}),
        ("contract_payment_days", {"payment_days": 181}),
        ("contract_minimum_spend", {"minimum_spend": Decimal(-1)}),
        ("contract_version_amends", {"version": 2}),
        ("contract_offer_ends", {"state": "quoted"}),
        ("contract_state_known", {"state": "signed"}),
        ("contract_renewal_known", {"renewal": "maybe"}),
        ("contract_renewal_length", {"renewal": "option", "renewal_months": 0}),
        ("contract_early_end_percent", {"early_end_percent": Decimal("100.01")}),
        ("lie outside of its term", {"term": Period(clock.now() + 5 * DAY, clock.now() + 6 * DAY).as_range()}),
    ],
)
def test_a_contract_that_makes_no_sense_is_refused(draft, name, fields):
    refused(name, lambda: Contract.objects.filter(pk=draft.pk).update(**fields))


def test_a_number_is_given_once(draft):
    other = builders.draft(builders.stage(servers=0))

    refused("contract_number_once", lambda: Contract.objects.filter(pk=other.pk).update(serial=draft.serial))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("contract_line_count", {"count": 0}),
        ("contract_line_discount", {"discount": Decimal("100.01")}),
        ("contract_line_discount", {"discount": Decimal("-0.01")}),
        ("contract_line_prices", {"unit_price": Decimal(-1), "below_floor_reason": "x"}),
        ("contract_line_floor_or_reason", {"discount": Decimal("20.01")}),
        ("contract_line_position_once", {"position": 1}),
    ],
)
def test_a_line_that_makes_no_sense_is_refused(scope, name, fields):
    contract = builders.draft(scope, builders.line(count=1), builders.line(count=1))

    refused(name, lambda: contract.lines.filter(position=0).update(**fields))


def test_a_line_lies_in_the_term(draft):
    end = draft.span.end
    beyond = Period(end - DAY, end + timedelta(microseconds=1)).as_range()

    refused("outside of the term", lambda: draft.lines.update(period=beyond))
    draft.lines.update(period=Period(end - DAY, end).as_range())


def test_the_floor_is_compared_after_the_discount_to_the_last_place(draft):
    draft.lines.update(discount=Decimal(20))
    draft.lines.update(discount=Decimal("20.01"), below_floor_reason="a launch customer")


@pytest.mark.parametrize("state", ["quoted", "approved", "sent", "countersigned", "active", "expired", "lost"])
def test_what_is_no_draft_is_not_edited(draft, state):
    Contract.objects.filter(pk=draft.pk).update(state=state, valid_until=clock.now() + DAY)

    refused("amended, not edited", lambda: Contract.objects.filter(pk=draft.pk).update(payment_days=60))
    refused("amended, not edited", lambda: Contract.objects.filter(pk=draft.pk).update(early_end_percent=0))
    refused("amended, not edited", lambda: draft.lines.update(count=3))
    refused("amended, not edited", lambda: ContractLine.objects.filter(contract=draft).delete())
    refused("never deleted", lambda: Contract.objects.filter(pk=draft.pk)._raw_delete("default"))
    Contract.objects.filter(pk=draft.pk).update(state_reason="noted")


def test_two_versions_are_never_active_at_once(scope):
    before = builders.active(scope)
    after = Contract(
        **{
            field.attname: getattr(before, field.attname)
            for field in Contract._meta.concrete_fields
            if field.attname not in ("id", "public_id", "version", "amends_id")
        },
        version=2,
        amends=before,
    )

    refused("contract_one_version_active", after.save)


def test_who_wrote_a_contract_does_not_approve_it(draft):
    asked = ContractApproval.objects.create(contract=draft, role=Approver.FINANCE, author=draft.author)
    decided = {"decided_by": draft.author, "decided_at": clock.now()}

    refused("contract_approval_two_people", lambda: ContractApproval.objects.filter(pk=asked.pk).update(**decided))
    decided["decided_by"] = builders.seller()
    ContractApproval.objects.filter(pk=asked.pk).update(**decided)


def test_what_was_sent_and_signed_is_kept(scope):
    contract = builders.signed(scope)

    refused("kept as it is", lambda: Document.objects.update(content=b"other"))
    refused("kept as it is", lambda: Signature.objects.update(name="Eve"))
    refused("kept as it is", lambda: Signature.objects.filter(contract=contract)._raw_delete("default"))


def test_a_signature_is_by_a_person_or_on_paper(scope):
    contract = builders.sent(scope)

    refused(
        "contract_signature_by_person_or_paper",
        lambda: Signature.objects.create(contract=contract, name="A", title="B", sent_sha256="0" * 64),
    )


def test_the_services_pass_where_the_database_would(draft):
    quote_contract(actor=builders.author_of(draft), contract=draft)
    draft.refresh_from_db()

    assert draft.state == "quoted"
