"""Invoices and usage over the API."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from pypdf import PdfReader

from portal.billing.services.issuing import void_invoice
from portal.core.actors import SYSTEM
from portal.tenancy.roles import Role
from tests import factories
from tests.api.client import Api, assert_problem
from tests.billing import yard

YEAR = {"from": "2031-01-01", "to": "2031-12-31"}


@pytest.fixture
def scope(buyer):
    with yard.clock_at(yard.MID_JANUARY - timedelta(days=2)):
        yield buyer


@pytest.fixture
def accountant(scope):
    return Api.of(scope.project, Role.BILLING)


@pytest.fixture
def used(scope):
    """Return a reservation of two servers for two days that was used in full and billed."""
    made = yard.begun(scope, yard.MID_JANUARY, days=2, count=2)
    yard.run_out(made)
    yard.close(scope.organization, yard.JANUARY)
    return made


def later(act):
    with yard.clock_at(datetime(2031, 2, 3, tzinfo=UTC)):
        return act()


def test_an_invoice_with_its_lines(used, accountant):
    (listed,) = accountant.get("/invoices", {"state": "issued"}).json()["data"]
    document = accountant.get(f"/invoices/{listed['id']}").json()

    (line,) = document["lines"]
    assert (listed["number"], listed["month"], listed["state"]) == ("INV-000001", "2031-01", "issued")
    assert document["total"] == line["amount"] == {"amount": "1920.00", "currency": "USD"}
    assert line["contract"] is None
    assert (line["reservation"], line["gpu_hours"]) == (used.public_id, "768.000000")
    assert line["rate"] == {"amount": "2.50", "currency": "USD"}
    assert accountant.get("/invoices", {"state": "void"}).json()["data"] == []


def test_a_line_names_its_contract(db):
    scope, contract = yard.under_contract()
    accountant = Api.of(scope.project, Role.BILLING)

    (listed,) = accountant.get("/invoices").json()["data"]
    (line,) = accountant.get(f"/invoices/{listed['id']}").json()["lines"]

    named = {"id": contract.public_id, "number": contract.number, "po_number": "PO-9"}
    assert (line["kind"], line["contract"]) == ("shortfall", named)


def test_its_pages_are_a_pdf(used, accountant):
    (listed,) = accountant.get("/invoices").json()["data"]

    first = accountant.get(f"/invoices/{listed['id']}.pdf")
    again = accountant.get(f"/invoices/{listed['id']}.pdf")

    assert first.headers["Content-Type"] == "application/pdf"
    assert first.content.startswith(b"%PDF-")
    assert first.content == again.content


def test_an_invoice_says_what_is_open_and_why_it_is_void(scope, accountant):
    made = yard.invoice(scope)
    yard.note(made, net="80.00")

    assert accountant.get(f"/invoices/{made.public_id}").json()["open"] == {"amount": "400.00", "currency": "USD"}
    void = yard.invoice(scope, currency="EUR")
    void_invoice(actor=SYSTEM, invoice=void, reason="wrong address")
    told = accountant.get(f"/invoices/{void.public_id}").json()
    assert (told["state_reason"], told["open"]["amount"]) == ("wrong address", "0.00")


def test_a_credit_note_on_paper_says_what_is_taken_back_and_of_which_invoice(scope, accountant):
    made = yard.invoice(scope, currency="EUR")
    note = yard.note(made, net="120.50", reason="Wrong rate \u2013 ticket 7")

    replies = [accountant.get(f"/credit-notes/{note.public_id}.pdf") for _ in range(2)]

    assert [reply.headers["Content-Type"] for reply in replies] == ["application/pdf"] * 2
    assert replies[0].content == replies[1].content
    (page,) = PdfReader(io.BytesIO(replies[0].content)).pages
    words = page.extract_text()
    for part in (note.number, f"{made.number}, March 2031", "Wrong rate - ticket 7", "Taken back EUR 120.50"):
        assert part in words


def test_an_invoice_and_a_credit_note_for_programs(scope, accountant):
    made = yard.invoice(scope)
    note = yard.note(made)

    replies = [accountant.get(f"/invoices/{made.public_id}.xml"), accountant.get(f"/credit-notes/{note.public_id}.xml")]

    for reply, number in zip(replies, (made.number, note.number), strict=True):
        assert reply.headers["Content-Type"] == "application/xml"
        assert number.encode() in reply.content


def test_what_a_document_lacks_is_said(scope, used, accountant):
    made = scope.organization.invoices.get()
    reply = accountant.get(f"/invoices/{made.public_id}.xml")

    assert set(assert_problem(reply, 409, "e_invoice_impossible")) == {
        "/seller.country",
        "/seller.tax_id",
        "/buyer.country",
    }


def test_documents_are_for_those_who_see_bills(scope, used):
    made = yard.invoice(scope)
    note = yard.note(made)
    operator = Api.of(scope.project, Role.OPERATOR)

    for address in (f"/invoices/{made.public_id}.xml", f"/credit-notes/{note.public_id}.pdf"):
        assert_problem(operator.get(address), 403, "permission_denied")


def test_usage_by_day(used, accountant):
    rows = later(lambda: accountant.get("/usage", {**YEAR, "group_by": "day"})).json()["data"]

    assert [row["key"] for row in rows] == ["2031-01-20", "2031-01-21", "2031-01-22"]
    # Handed over five minutes before the start, and taken back nine seconds after the end.
    assert sum(row["server_seconds_reserved"] for row in rows) == 2 * (2 * 86400 + 5 * 60 + 9)


@pytest.mark.parametrize("group", ["project", "reservation", "server"])
def test_usage_by_what_it_was_for(used, accountant, group):
    rows = later(lambda: accountant.get("/usage", {**YEAR, "group_by": group})).json()["data"]

    assert len(rows) == (2 if group == "server" else 1)
    assert sum(row["server_seconds_powered_on"] for row in rows) == 2 * (2 * 86400 + 5 * 60 + 9)


def test_usage_as_csv(used, accountant):
    reply = later(lambda: accountant.get("/usage", {**YEAR, "group_by": "reservation", "format": "csv"}))

    assert reply.headers["Content-Type"].startswith("text/csv")
    assert reply.content.decode().splitlines()[1].startswith(f"{used.public_id},{used.name},")


def test_others_see_the_usage_of_their_project_and_no_bills(scope, used):
    aside = Api.of(factories.project(of=scope.organization), Role.OPERATOR)
    owner = Api.of(factories.project(of=scope.organization), Role.OWNER)

    assert later(lambda: aside.get("/usage", YEAR)).json()["data"] == []
    assert len(later(lambda: owner.get("/usage", YEAR)).json()["data"]) == 3
    assert_problem(aside.get("/invoices"), 403, "permission_denied")


def test_drafts_are_nobodys_yet(scope, accountant):
    draft = yard.invoice(scope, is_issued=False)

    assert accountant.get("/invoices").json()["data"] == []
    assert_problem(accountant.get(f"/invoices/{draft.public_id}"), 404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"from": "2031-01-01"},
        {"from": "2031-02-01", "to": "2031-01-01"},
        {"from": "2020-01-01", "to": "2031-01-01"},
    ],
)
def test_usage_of_no_sensible_time_is_refused(accountant, query):
    assert_problem(accountant.get("/usage", query), 422, "invalid_input")
