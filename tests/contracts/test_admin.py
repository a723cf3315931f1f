"""Staff makes a contract in the admin: what it comes to is shown at once, errors stand at the row's field."""

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from portal.approvals.models import Approval
from portal.approvals.selectors import waiting_for
from portal.contracts.models import Contract, Document
from portal.contracts.services.amending import amend_contract
from portal.contracts.services.quoting import quote_contract
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.api.world import nothing_changes
from tests.contracts import builders
from tests.contracts.builders import DAY, PDF, author_of, line, tomorrow

pytestmark = pytest.mark.django_db
NEW = "/admin/contracts/contract/new/"
SUMS = "/admin/contracts/contract/sums/"


@pytest.fixture
def scope():
    return builders.stage()


@pytest.fixture
def sales():
    return staff.browser(StaffRole.SALES)


def head(scope, **kwargs):
    return {
        "project": scope.project.pk,
        "title": "Training",
        "template": "reserved-1",
        "starts_at": f"{tomorrow():%Y-%m-%d}",
        "ends_at": f"{tomorrow() + 90 * DAY:%Y-%m-%d}",
        "currency": "",
        "payment_days": 30,
        "minimum_spend": 0,
        "renewal": "none",
        "renewal_months": 0,
        "notice_days": 30,
        "early_end_percent": 100,
        "exit_days": 0,
        **kwargs,
    }


def rows(*given):
    """Return the fields of rows; each is for two servers of the whole term at list price unless it says otherwise."""
    said = {"lines-TOTAL_FORMS": len(given), "lines-INITIAL_FORMS": 0}
    for number, row in enumerate(given):
        fields = {"server_type": factories.server_type().pk, "region": factories.region().pk, "count": 2, **row}
        said |= {f"lines-{number}-{name}": value for name, value in fields.items()}
    return said


def ramp():
    later = f"{tomorrow() + 30 * DAY:%Y-%m-%d}"
    return {"count": 1, "ramp": f"4 from {later}"}


def test_a_contract_with_a_ramp_is_written_and_shown(sales, scope):
    reply = sales.post(NEW, {**head(scope), **rows({"discount": "10"}, ramp())})
    contract = Contract.objects.get()

    assert reply.url == staff.page_of(contract)
    assert contract.author == sales.person
    assert [(item.count, (item.span.start - tomorrow()).days) for item in contract.lines.all()] == [
        (2, 0),
        (1, 0),
        (3, 30),
    ]
    page = sales.get(reply.url).content.decode()
    for words in ("USD 207,360.00", "Make an offer", "Capacity", "Margin to floor"):
        assert words in page


def test_what_it_comes_to_is_shown_while_it_is_written(sales, scope):
    reply = sales.post(SUMS, {**head(scope), **rows({"discount": "25"}, {"count": 3})})
    page = " ".join(reply.content.decode().split())

    for words in (
        'id="lines-0-facts"',
        "Floor <b>2</b>",
        "below floor",
        "light-short",
        "2 of 3 free",
        "Sales lead",
        "1 line is sold below the floor.",
        "give a reason",
    ):
        assert words in page, page
    assert not Contract.objects.exists()


@pytest.mark.parametrize("fields", [{}, {"starts_at": "soon"}, {"project": "0"}, {"lines-TOTAL_FORMS": "x"}])
def test_a_form_that_is_not_filled_in_is_no_fault(sales, scope, fields):
    said = {**head(scope), **rows({}), **fields} if fields else {}
    reply = sales.post(SUMS, said)

    assert reply.status_code == 200
    assert b"contract-totals" in reply.content


def test_errors_stand_at_the_field_of_their_row_and_nothing_is_saved(sales, scope):
    past = f"{tomorrow() - 9 * DAY:%Y-%m-%d}"
    reply = sales.post(NEW, {**head(scope), **rows({}, {"starts_at": past, "discount": "50"}, {"count": 0})})

    assert reply.status_code == 422
    lines = reply.context["lines"]
    assert [sorted(row.errors) for row in lines] == [[], ["below_floor_reason", "starts_at"], ["count"]]
    assert "in the past" in str(lines[1].errors["starts_at"])
    assert not Contract.objects.exists()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"ends_at": "2020-01-01"}, "ends_at"),
        ({"starts_at": "2020-01-01"}, "starts_at"),
        ({"title": ""}, "title"),
        ({"payment_days": 999}, "payment_days"),
        ({"template": "committed-1"}, "minimum_spend"),
        ({"renewal": "option"}, "renewal_months"),
        ({"early_end_percent": "101"}, "early_end_percent"),
    ],
)
def test_errors_of_the_head_stand_at_their_field(sales, scope, fields, wrong):
    reply = sales.post(NEW, {**head(scope, **fields), **rows({})})

    assert reply.status_code == 422
    assert wrong in reply.context["head"].errors
    assert not Contract.objects.exists()


def test_no_rows_and_a_wrong_ramp_are_said(sales, scope):
    empty = sales.post(NEW, {**head(scope), **rows()})
    wrong = sales.post(NEW, {**head(scope), **rows({"ramp": "more later"})})

    assert "at least one line" in empty.content.decode()
    assert "Write steps like" in str(wrong.context["lines"][0].errors["ramp"])
    assert not Contract.objects.exists()


def test_a_draft_moves_to_another_term_with_its_lines(sales, scope):
    contract = builders.draft(scope)
    address = reverse("admin:contracts_contract_edit", args=[contract.pk])
    page = sales.get(address)
    assert page.context["lines"].initial[0]["count"] == 2

    later = {"starts_at": f"{tomorrow() + 200 * DAY:%Y-%m-%d}", "ends_at": f"{tomorrow() + 290 * DAY:%Y-%m-%d}"}
    said = {**head(scope, **later), **rows({}, {"DELETE": "on"})}
    reply = sales.post(address, said)
    assert reply.status_code == 302, reply.context["lines"].errors
    contract.refresh_from_db()
    assert contract.span.start == tomorrow() + 200 * DAY
    assert [item.span for item in contract.lines.all()] == [contract.span]


def test_what_is_offered_is_not_edited(sales, scope):
    contract = builders.quoted(scope)
    address = reverse("admin:contracts_contract_edit", args=[contract.pk])

    assert sales.get(address).url == staff.page_of(contract)
    assert sales.post(address, {**head(scope), **rows({"count": 3})}).status_code == 302
    assert contract.lines.get().count == 2


@pytest.mark.parametrize("role", [StaffRole.SUPPORT, StaffRole.FINANCE, StaffRole.OPERATIONS])
def test_only_sales_writes(scope, role):
    client, contract = staff.browser(role), builders.draft(scope)
    for address in (NEW, SUMS, reverse("admin:contracts_contract_edit", args=[contract.pk])):
        assert client.post(address, {**head(scope), **rows({})}).status_code == 403
    assert client.post(staff.act_of(contract, "offer"), staff.chosen(contract)).status_code == 403
    assert Contract.objects.get().state == "draft"


def test_operations_sees_no_prices(scope):
    client, contract = staff.browser(StaffRole.OPERATIONS), builders.draft(scope)

    assert client.get(staff.page_of(contract)).status_code == 403
    assert client.get(reverse("admin:contracts_contract_preview", args=[contract.pk])).status_code == 403


def act(client, contract, step, **values):
    return client.post(staff.act_of(contract, step), {**staff.chosen(contract), **values}, follow=False)


def test_every_step_has_its_button_and_calls_its_service(sales, scope):
    contract = builders.draft(scope)
    until = f"{tomorrow() + 5 * DAY:%Y-%m-%dT%H:%M}"
    assert act(sales, contract, "offer", valid_until=until).status_code == 302
    contract.refresh_from_db()
    assert (contract.state, contract.valid_until) == ("quoted", tomorrow() + 5 * DAY)

    assert act(sales, contract, "send").status_code == 302
    contract.refresh_from_db()
    paper = SimpleUploadedFile("signed.pdf", PDF, "application/pdf")
    signed_at = f"{tomorrow() - 2 * DAY:%Y-%m-%dT%H:%M}"
    reply = act(sales, contract, "sign", name="Ana Ruiz", title="CTO", signed_at=signed_at, content=paper)
    assert reply.status_code == 302
    contract.refresh_from_db()
    assert contract.state == "countersigned"

    assert act(sales, contract, "activate").status_code == 302
    contract.refresh_from_db()
    page = sales.get(staff.page_of(contract)).content.decode()
    assert contract.state == "active"
    assert f"{contract.number.lower()}-1" in page
    for name in ("Amend", "Renew", "Terminate"):
        assert name in page
    ends_at = f"{tomorrow() + 120 * DAY:%Y-%m-%d}"
    assert act(sales, contract, "renew", ends_at=ends_at).status_code == 302
    assert act(sales, contract, "amend").status_code == 302
    assert Contract.objects.count() == 3
    at = f"{tomorrow() + 30 * DAY:%Y-%m-%dT%H:%M}"
    assert act(sales, contract, "terminate", at=at, reason="budget").status_code == 302
    contract.refresh_from_db()
    assert contract.ends_early_at == tomorrow() + 30 * DAY


def test_the_author_is_offered_no_decision_where_a_colleague_asked(scope):
    author, other = staff.browser(StaffRole.SALES_LEAD), staff.browser(StaffRole.SALES_LEAD)
    cheap = line(discount=Decimal(50), below_floor_reason="a launch customer")
    contract = builders.draft(scope, cheap, author=author.person)
    quote_contract(actor=builders.seller().as_actor(), contract=contract)
    asked = Approval.objects.get()
    own, others = (client.get(staff.page_of(asked)) for client in (author, other))

    assert [button["title"] for button in own.context["actions_detail"]] == []
    assert "Who wrote a contract does not approve it" in own.content.decode()
    assert [button["title"] for button in others.context["actions_detail"]] == ["Approve", "Reject"]
    assert [waiting_for(client.person).count() for client in (author, other)] == [0, 1]
    with nothing_changes():
        refused = [author.post(staff.act_of(asked, name), {"comment": "x"}) for name in ("approve", "reject")]
    assert [reply.status_code for reply in refused] == [403, 403]


def test_too_few_servers_are_said_with_their_line(sales, scope):
    contract = builders.draft(scope, line(), line(count=3))
    reply = act(sales, contract, "offer", valid_until=f"{tomorrow() + 5 * DAY:%Y-%m-%dT%H:%M}")

    assert reply.status_code == 422
    assert "Line 2: 2 of 3 x 8 x H100 are free" in reply.content.decode()


def test_reopened_and_lost(sales, scope):
    contract = builders.quoted(scope)
    act(sales, contract, "reopen", reason="other dates")
    contract.refresh_from_db()
    act(sales, contract, "lose", reason="went elsewhere")
    contract.refresh_from_db()

    assert (contract.state, contract.state_reason) == ("lost", "went elsewhere")


def test_papers_are_shown_as_they_were_kept(sales, scope):
    draft, sent = builders.draft(scope), builders.sent(scope, line(count=1))
    preview = sales.get(reverse("admin:contracts_contract_preview", args=[draft.pk]))
    kept = sales.get(reverse("admin:contracts_contract_document", args=[sent.pk, "sent"]))

    assert (preview.status_code, preview.headers["Content-Type"]) == (200, "application/pdf")
    assert kept.content == bytes(Document.objects.get().content)
    for kind in ("signed", "other"):
        assert sales.get(reverse("admin:contracts_contract_document", args=[sent.pk, kind])).status_code == 404
    assert sales.get(reverse("admin:contracts_contract_preview", args=[0])).status_code == 404


def test_a_later_version_shows_what_it_changes(sales, scope):
    active = builders.active(scope)
    after = amend_contract(actor=author_of(active), contract=active)
    Contract.objects.filter(pk=after.pk).update(payment_days=45)

    page = sales.get(staff.page_of(after)).content.decode()
    assert f"Changes since {active}" in page
    assert "payment days" in page


def test_the_list_and_the_pages_of_customers_show_contracts(sales, scope):
    contract = builders.active(scope)

    assert str(contract) in sales.get(staff.list_of(Contract)).content.decode()
    assert str(contract) in sales.get(staff.page_of(scope.organization)).content.decode()
    assert str(contract) in sales.get(staff.page_of(scope.organization.reservations.get())).content.decode()
