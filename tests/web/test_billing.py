"""Usage and invoices on pages."""

from datetime import UTC, date, datetime, timedelta

import pytest

from portal.core.months import span_of
from portal.tenancy.roles import Role
from portal.web.usage_chart import OTHERS, chart_of
from tests import factories
from tests.billing import yard
from tests.web.conftest import browser_of


@pytest.fixture
def scope(buyer):
    with yard.clock_at(yard.MID_JANUARY - timedelta(days=2)):
        yield buyer


@pytest.fixture
def used(scope):
    made = yard.begun(scope, yard.MID_JANUARY, days=30, count=2)
    yard.close(scope.organization, yard.JANUARY)
    return made


def page(scope, address, day=3):
    with yard.clock_at(datetime(2031, 2, day, 6, 0, 17, tzinfo=UTC)):
        return browser_of(scope).get(address)


def test_the_present_month_with_what_it_will_come_to(scope, used):
    shown = page(scope, "/usage").content.decode()

    assert "Usage in February 2031" in shown
    assert "GPU-hours by day" in shown
    assert used.name in shown
    # From the first of the month to the third, 6:00:17, and to the end of the agreed time.
    assert "$2,160.19" in shown
    assert "$17,520.19" in shown


def test_an_earlier_month_and_its_file(scope, used):
    shown = page(scope, "/usage?month=2031-01").content.decode()
    file = page(scope, "/usage.csv?month=2031-01")

    assert "Usage in January 2031" in shown
    assert file.headers["Content-Disposition"] == 'attachment; filename="usage-2031-01.csv"'
    assert used.public_id in file.content.decode()


@pytest.mark.parametrize("month", ["2031-13", "x", "0001-01", "9999-12"])
def test_a_month_that_is_none_is_the_present_one(scope, month):
    assert "Usage in February 2031" in page(scope, f"/usage?month={month}").content.decode()


def test_invoices_and_their_files(scope, used):
    listed = page(scope, "/invoices").content.decode()
    made = scope.organization.invoices.get()
    shown = page(scope, f"/invoices/{made.public_id}").content.decode()

    assert "INV-000001" in listed
    assert used.name in shown
    assert page(scope, f"/invoices/{made.public_id}.pdf").content.startswith(b"%PDF-")
    lines = page(scope, f"/invoices/{made.public_id}.csv").content.decode().splitlines()
    assert lines[1].startswith(f"INV-000001,1,on_demand,{used.name}: ")


def test_a_line_names_its_contract(db):
    scope, contract = yard.under_contract()
    made = scope.organization.invoices.get()

    shown = page(scope, f"/invoices/{made.public_id}").content.decode()
    lines = page(scope, f"/invoices/{made.public_id}.csv").content.decode().splitlines()

    assert f"Contract {contract.number}, order PO-9" in shown
    assert f",{contract.number},PO-9," in lines[1]


def test_who_may_not_see_bills_sees_hours_and_no_money(scope, used):
    viewer = factories.scope(Role.VIEWER, in_project=scope.project)

    shown = page(viewer, "/usage").content.decode()

    assert used.name in shown
    assert "$" not in shown
    assert page(viewer, "/invoices").status_code == 403


def test_small_projects_share_a_shade():
    month = span_of(date(2031, 1, 1))
    used = {f"p{number}": {"2031-01-02": timedelta(hours=number)} for number in range(1, 7)}

    chart = chart_of(month, used)

    assert [name for _, name, _ in chart.projects] == ["p6", "p5", "p4", OTHERS]
    assert sum(total for _, _, total in chart.projects) == 21
    assert len({piece.shade for piece in chart.pieces}) == 4


def test_an_invoice_and_a_credit_note_for_programs(buyer):
    made = yard.invoice(buyer)
    note = yard.note(made)

    shown = browser_of(buyer).get(f"/invoices/{made.public_id}").content.decode()
    files = [
        browser_of(buyer).get(address)
        for address in (f"/invoices/{made.public_id}.xml", f"/credit-notes/{note.public_id}.xml")
    ]

    assert f'href="/invoices/{made.public_id}.xml"' in shown
    assert f'href="/credit-notes/{note.public_id}.xml"' in shown
    for file, row in zip(files, (made, note), strict=True):
        assert file.headers["Content-Disposition"] == f'attachment; filename="{row.number}.xml"'
        assert row.number.encode() in file.content


def test_what_a_document_lacks_is_said_on_the_page(scope, used):
    made = scope.organization.invoices.get()
    note = yard.note(made)

    for address in (f"/invoices/{made.public_id}.xml", f"/credit-notes/{note.public_id}.xml"):
        browser = browser_of(scope)
        reply = browser.get(address, follow=True)

        assert reply.redirect_chain == [(f"/invoices/{made.public_id}", 302)]
        assert "The country of the seller is missing" in reply.content.decode()
