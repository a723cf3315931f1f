"""The page on which a contract is written, in a real browser: sums and lights follow what is typed."""

import pytest
from playwright.sync_api import expect

from portal.contracts.models import Contract
from portal.tenancy.staff import StaffRole
from tests import staff
from tests.contracts import builders
from tests.contracts.builders import DAY, tomorrow
from tests.web.browser import needs_chromium, overflow, watch
from tests.web.test_staff import log_in

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [1440, 1280])
def test_sums_and_lights_follow_what_is_typed(open_page, width):
    scope, account = builders.stage(), staff.person(StaffRole.SALES)
    page = open_page(viewport={"width": width, "height": 900})
    complaints = watch(page)
    log_in(page, account)
    page.goto("/admin/contracts/contract/new/")
    page.get_by_label("Customer · project").select_option(str(scope.project.pk))
    page.get_by_label("Title").fill("Training cluster")
    page.get_by_label("Term from").fill(f"{tomorrow():%Y-%m-%d}")
    page.get_by_label("Term until").fill(f"{tomorrow() + 90 * DAY:%Y-%m-%d}")
    row = page.locator("[data-row]").first
    row.get_by_label("Server type").select_option(index=1)
    row.get_by_label("Region").select_option(index=1)
    row.get_by_label("Servers", exact=True).fill("3")
    row.get_by_label("Off %").fill("10")
    expect(row.get_by_text("USD 116,640.00")).to_be_visible()
    expect(row.locator(".light-free")).to_be_visible()

    row.get_by_role("button", name="Copy").click()
    copied = page.locator("[data-row]").nth(1)
    expect(copied.get_by_text("1 of 3 free")).to_be_visible()
    copied.get_by_label("Off %").fill("25")
    expect(page.locator("#contract-totals").get_by_text("Sales lead")).to_be_visible()
    page.get_by_role("button", name="Save draft").click()
    expect(copied.get_by_text("1 of 3 free")).to_be_visible()
    expect(copied.get_by_text("is below the floor")).to_have_count(1)
    expect(copied.locator(".cell-below_floor_reason").get_by_text("is below the floor")).to_be_visible()
    assert overflow(page) <= 0
    copied.get_by_label("Reason below floor").fill("a launch customer")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("is saved.")).to_be_visible()

    assert Contract.objects.get().lines.count() == 2
    assert overflow(page) <= 0
    assert complaints == [] or all("422" in line for line in complaints)
