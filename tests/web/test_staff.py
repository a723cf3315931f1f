"""The staff pages in a real browser, with their content security policy in force, and the brake on their login."""

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from portal.approvals.models import Approval
from portal.audit.models import AuditEvent
from portal.fleet.models import Server
from portal.reservations.models import Reservation
from portal.tenancy.staff import StaffRole
from portal.web import attempts
from tests import factories, staff
from tests.approvals import deeds
from tests.web.browser import needs_chromium, overflow, violations, watch

OF_THE_THEME = ("landmark-", "region:")
"""Advice of axe, no rule of WCAG, that the theme's own frame does not follow."""
WINDOWS = (("light", 1440), ("dark", 390))


@pytest.fixture
def sales_and_rows(transactional_db):
    """Return an account of sales; there are two scheduled reservations of one customer and one of another."""
    factories.servers(4)
    buyer = factories.buyer()
    for name in ("train-7b", "eval-1"):
        factories.reservation(buyer, name=name)
    factories.reservation(factories.buyer(), name="other")
    return staff.person(StaffRole.SALES)


def log_in(page, account):
    page.goto("/admin/")
    page.get_by_label("Email").fill(account.email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


@needs_chromium
def test_sales_search_filter_and_act(open_page, sales_and_rows):
    page = open_page(viewport={"width": 1440, "height": 900})
    complaints = watch(page)
    log_in(page, sales_and_rows)

    page.locator("#nav-sidebar").get_by_role("link", name="Reservations").click()
    page.get_by_placeholder("Name, id, organization").fill("train")
    page.keyboard.press("Enter")
    expect(page.locator("#changelist-form tbody tr")).to_have_count(1)

    page.goto("/admin/reservations/reservation/")
    page.locator("#changelist a", has_text="Filters").first.click()
    page.get_by_label("By state").select_option("ended")
    page.get_by_role("button", name="Apply Filters").click()
    expect(page.get_by_text("0 reservations")).to_be_visible()

    page.goto("/admin/reservations/reservation/?state=scheduled")
    page.get_by_role("link", name="train-7b").click()
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_text("The reservation is called off for the customer.")).to_be_visible()
    page.get_by_label("Reason").fill("the customer called")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("is cancelled.")).to_be_visible()

    made = Reservation.objects.get(name="train-7b")
    assert (made.state, made.state_reason) == ("cancelled", "the customer called")
    assert AuditEvent.objects.filter(target=made.public_id).first().actor_id == sales_and_rows.public_id
    assert complaints == []


@needs_chromium
@pytest.mark.long
def test_several_are_chosen_in_the_list(open_page, sales_and_rows):
    page = open_page(viewport={"width": 1440, "height": 900})
    complaints = watch(page)
    log_in(page, sales_and_rows)
    page.goto("/admin/reservations/reservation/")
    for name in ("train-7b", "eval-1"):
        page.locator("#changelist-form tr", has_text=name).get_by_role("checkbox").check()
    page.get_by_label("Select action to run").select_option("cancel")
    page.get_by_role("button", name="Run").click()
    page.get_by_label("Reason").fill("the customer left")
    page.get_by_role("button", name="Cancel: 2").click()

    expect(page.get_by_text("Cancel: done for 2 of 2.")).to_be_visible()
    assert sorted(Reservation.objects.values_list("name", "state")) == [
        ("eval-1", "cancelled"),
        ("other", "scheduled"),
        ("train-7b", "cancelled"),
    ]
    assert complaints == []


@needs_chromium
@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("scheme", "width"), WINDOWS)
def test_pages_keep_the_policy_fit_and_are_accessible(open_page, sales_and_rows, scheme, width):
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    complaints = watch(page)
    log_in(page, sales_and_rows)
    made, server = Reservation.objects.get(name="train-7b"), Server.objects.first()
    held, waiting = factories.hold(), factories.waitlist_entry()
    factories.quota_request()
    approval, own = Approval.objects.get(), deeds.ask(sales_and_rows.as_actor(), size=3)
    addresses = (
        "/admin/",
        "/admin/reservations/reservation/",
        "/admin/quotas/quota/",
        "/admin/reservations/pool/board/",
        "/admin/reservations/pool/",
        "/admin/reservations/quote/",
        "/admin/reservations/waitlistentry/",
        "/admin/reservations/enquiry/",
        "/admin/approvals/approval/",
        staff.page_of(approval),
        staff.act_of(approval, "approve"),
        staff.page_of(own),
        staff.page_of(made),
        staff.act_of(made, "cancel"),
        staff.act_of(made, "extend"),
        staff.page_of(held),
        staff.page_of(waiting),
        staff.page_of(server),
        staff.page_of(made.organization),
        staff.act_of(made.organization, "quota"),
    )
    wrong = []
    for address in addresses:
        reply = page.goto(address)
        assert (reply.status, "frame-ancestors 'none'" in reply.headers["content-security-policy"]) == (200, True)
        page.wait_for_load_state("networkidle")
        assert overflow(page) <= 0, address
        wrong += [f"{address} {line}" for line in violations(page) if not line.startswith(OF_THE_THEME)]

    assert wrong == []
    assert complaints == []


@needs_chromium
def test_the_policy_would_be_noticed(open_page, sales_and_rows):
    page = open_page()
    complaints = watch(page)
    log_in(page, sales_and_rows)
    with page.expect_console_message(lambda message: "Content Security Policy" in message.text):
        page.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://elsewhere.example/x.png'}))")

    assert any("Content Security Policy" in line for line in complaints)


@pytest.fixture
def attempt(db, client):
    """Return a function that tries a password at the staff login."""
    cache.clear()
    person = staff.person(StaffRole.SALES)
    yield lambda password: client.post("/admin/login/?next=/admin/", {"username": person.email, "password": password})
    cache.clear()


def test_guessing_a_staff_password_is_braked(attempt):
    for _ in range(attempts.PER_ACCOUNT):
        assert attempt("wrong").status_code == 200

    reply = attempt(factories.PASSWORD)

    assert attempts.TOO_MANY in reply.content.decode()
    assert "sessionid" not in reply.cookies


def test_a_right_password_forgets_the_wrong_ones(attempt):
    for _ in range(attempts.PER_ACCOUNT - 1):
        attempt("wrong")

    assert attempt(factories.PASSWORD).url == "/admin/"
    for _ in range(attempts.PER_ACCOUNT - 1):
        assert attempts.TOO_MANY not in attempt("wrong").content.decode()
