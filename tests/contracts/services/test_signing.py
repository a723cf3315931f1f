"""Sending freezes the document; the customer signs in the portal or on paper."""

from hashlib import sha256

import pytest
import time_machine

from portal.contracts.contract_pdf import pdf_of
from portal.contracts.models import Document, Signature
from portal.contracts.paperwork import facts_of
from portal.contracts.services.sending import send_contract
from portal.contracts.services.signing import TIME_TO_ACTIVATE, countersign, countersign_on_paper
from portal.core import clock
from portal.core.errors import Forbidden, InvalidInput, NotFound, StateConflict
from portal.reservations.models import Quote
from portal.tenancy.roles import Role
from portal.tenancy.scope import Scope
from tests import factories
from tests.contracts import builders
from tests.contracts.builders import DAY, PDF, author_of, wrong
from tests.contracts.services.test_quoting import cheap

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope():
    return builders.stage()


def test_sending_keeps_the_document_and_its_digest(scope, django_capture_on_commit_callbacks, mailoutbox):
    contract = builders.quoted(scope)
    with django_capture_on_commit_callbacks(execute=True):
        document = send_contract(actor=author_of(contract), contract=contract)
    contract.refresh_from_db()

    content = bytes(document.content)
    assert (contract.state, contract.state_deadline_at) == ("sent", contract.valid_until)
    assert content == pdf_of(facts_of(contract)), "it can be made again, and is the same"
    assert document.sha256 == sha256(content).hexdigest()
    assert f"/contracts/{contract.public_id}" in mailoutbox[0].body


def test_what_waits_for_approval_is_not_sent(scope):
    contract = builders.quoted(scope, cheap())
    with pytest.raises(StateConflict, match="waits for the approval of: sales lead"):
        send_contract(actor=author_of(contract), contract=contract)

    contract.refresh_from_db()
    assert (contract.state, Document.objects.count()) == ("quoted", 0)


def test_an_offer_that_ran_out_is_neither_sent_nor_signed(scope):
    quoted, sent = builders.quoted(scope), builders.sent(builders.stage(servers=2))
    with time_machine.travel(sent.valid_until, tick=False):
        with pytest.raises(StateConflict, match="ran out"):
            send_contract(actor=author_of(quoted), contract=quoted)
        with pytest.raises(StateConflict, match="ran out"):
            countersign_on_paper(
                actor=author_of(sent), contract=sent, name="A", title="B", signed_at=clock.now(), content=PDF
            )

    assert not Signature.objects.exists()


def test_the_customer_signs_in_the_portal_and_keeps_its_servers(scope):
    contract = builders.sent(scope)
    builders.sign(scope, contract)
    contract.refresh_from_db()
    signature = Signature.objects.get()

    assert contract.state == "countersigned"
    assert (signature.name, signature.ip, signature.user.as_actor()) == ("Ana Ruiz", "203.0.113.7", scope.actor)
    assert signature.sent_sha256 == contract.documents.get().sha256
    assert Quote.objects.get().expires_at == contract.state_deadline_at
    assert contract.state_deadline_at >= signature.signed_at + TIME_TO_ACTIVATE - DAY / 100


def test_signing_twice_changes_nothing(scope):
    contract = builders.signed(scope)
    with pytest.raises(StateConflict):
        builders.sign(scope, contract, name="Eve")

    assert Signature.objects.get().name == "Ana Ruiz"


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        (
            {"name": " ", "title": "", "agreed": False},
            {("name", "length"), ("title", "length"), ("agreed", "required")},
        ),
        ({"name": "x" * 121}, {("name", "length")}),
        ({"sha256": "0" * 64}, {("sha256", "other_document")}),
    ],
)
def test_each_wrong_field_of_a_signature_is_named(scope, fields, errors):
    contract = builders.sent(scope)
    with pytest.raises(InvalidInput) as refusal:
        builders.sign(scope, contract, **fields)

    assert wrong(refusal) == errors
    contract.refresh_from_db()
    assert (contract.state, Signature.objects.count()) == ("sent", 0)


def test_only_who_may_commit_the_organization_signs_and_only_a_person(scope):
    contract = builders.sent(scope)
    operator = factories.member(scope.organization, Role.OPERATOR)
    token, _ = factories.token(scope.project, Role.OWNER)
    for other in (
        Scope(operator.as_actor(), scope.project, Role.OPERATOR),
        Scope(token.as_actor(), scope.project, Role.OWNER),
    ):
        with pytest.raises(Forbidden):
            builders.sign(other, contract)
    with pytest.raises(NotFound):
        builders.sign(factories.scope(), contract)

    contract.refresh_from_db()
    assert contract.state == "sent"


def test_a_draft_is_not_there_for_the_customer(scope):
    contract = builders.quoted(scope)
    said = {"name": "A", "title": "B", "agreed": True, "sha256": "", "ip": "::1"}
    with pytest.raises(NotFound):
        countersign(scope=scope, actor=scope.actor, contract=contract, **said)


def test_a_signed_document_is_kept_with_its_digest(scope):
    contract = builders.sent(scope)
    said = {"name": "Ana Ruiz", "title": "CTO", "signed_at": clock.now() - DAY}
    for content in (b"GIF89a", b"%PDF-" + b"x" * (10 * 1024 * 1024)):
        with pytest.raises(InvalidInput) as refusal:
            countersign_on_paper(actor=author_of(contract), contract=contract, content=content, **said)
        assert wrong(refusal) == {("content", "no_pdf")}
    countersign_on_paper(actor=author_of(contract), contract=contract, content=PDF, **said)

    document = Document.objects.get(kind=Document.Kind.SIGNED)
    assert (document.sha256, bytes(document.content)) == (sha256(PDF).hexdigest(), PDF)
    assert Signature.objects.get().document == document
