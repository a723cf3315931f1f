"""Every page in every state: nothing for axe to find, no complaint of the browser, no sideways scrolling."""

import re

import pytest
from playwright.sync_api import expect

from portal.quotas.intents import approve_request, decline_request
from portal.quotas.services.limits import withdraw_request
from portal.tenancy.roles import Role
from portal.tenancy.staff import StaffRole
from portal.web import urls
from portal.web.server_actions import ACTIONS
from tests import factories, staff
from tests.billing import yard
from tests.price_lists import full_list
from tests.web.browser import needs_chromium, overflow, violations, watch
from tests.web.conftest import browser_of
from tests.web.stages import contracts_in_states, every_state, quotes_in_states, servers_in_states
from tests.webhooks import receiving

pytestmark = [needs_chromium, pytest.mark.long, pytest.mark.django_db(transaction=True)]

LOOKS = (("light", 1440), ("dark", 390))
"""Both colours and both widths once: enough for pages that are made of the gallery's parts."""
DARK_AND_NARROW = LOOKS[1:]
"""Enough for another reader's view of pages that were seen both ways."""
REFLOW = 320
"""What 1280 pixels are at 400 % zoom (WCAG 2.2, success criterion 1.4.10)."""

ORDER = "/reserve?type=h100x8&region=eu-north-1&count=2"
PAGES = {
    "dashboard": ["/"],
    "availability": [
        "/availability",
        "/availability?type=h100x8&region=eu-north-1&count=5",
        "/availability?count=200",
        "/availability?count=0&start=2001-01-01T00:00&length=-1d",
        "/availability?view=week&count=3&length=3d",
        "/availability?view=quarter&type=h100x8&placement=any",
    ],
    "reserve": [ORDER],
    "images": ["/images"],
    "reservations": ["/reservations", "/reservations?show=all"],
    "reservation": [
        f"/reservations/{{{state}}}"
        for state in ("scheduled", "provisioning", "active", "degraded", "ending", "ended", "cancelled", "failed")
    ],
    "change": [
        "/reservations/{scheduled}/change/extend",
        "/reservations/{scheduled}/change/extend?ends_at=2001-01-01",
        "/reservations/{active}/change/shorten",
        "/reservations/{active}/change/add-servers?count=2",
        "/reservations/{active}/change/add-servers?count=200",
    ],
    "transfer": ["/reservations/{active}/transfer"],
    "quotes": ["/quotes"],
    "quote": ["/quotes/{held}", "/quotes/{price}", "/quotes/{withdrawn}"],
    "waitlist": ["/waiting-list"],
    "waitlist-join": ["/waiting-list/join", "/waiting-list/join?type=h100x8&region=eu-north-1&count=200"],
    "release": ["/reservations/{active}/release"],
    "cancel": ["/reservations/{scheduled}/cancel"],
    "servers": ["/servers"],
    "server": ["/servers/{server}", "/servers/{busy_server}", "/servers/{troubled_server}", "/servers/{ending_server}"],
    "server-act": [f"/servers/{{server}}/do/{kind}" for kind in ACTIONS],
    "console": ["/reservations/{console_reservation}/servers/{server}/console"],
    "ssh-keys": ["/ssh-keys"],
    "ssh-key-delete": ["/ssh-keys/{key}/delete"],
    "quotas": ["/quotas"],
    "usage": ["/usage", "/usage?month=2020-02"],
    "budgets": ["/budgets"],
    "webhooks": ["/webhooks"],
    "webhook": ["/webhooks/{webhook}"],
    "invoices": ["/invoices"],
    "invoice": ["/invoices/{invoice}"],
    "contracts": ["/contracts"],
    "contract": ["/contracts/{sent}", "/contracts/{signed}", "/contracts/{running}"],
    "sla": ["/sla", "/sla?month=2001-01", "/sla?month=nonsense"],
    "status": ["/status"],
    "find": ["/find?q=", "/find?q=e", "/find?q=nothing-like-that"],
    "gallery": ["/ui/"],
    "prices": ["/prices", "/prices?currency=EUR", "/prices?currency=XXX"],
    "login": [],
}
"""The addresses of each page; the login has a test of its own, without somebody logged in."""
NO_PAGES = {
    "budget-remove",
    "webhook-ping",
    "webhook-rotate",
    "webhook-switch",
    "webhook-remove",
    "webhook-resend",
    "hold",
    "invoice-pay",
    "stripe-message",
    "quote-withdraw",
    "image-withdraw",
    "certificate-file",
    "certificate-page",
    "usage-csv",
    "invoice-pdf",
    "invoice-csv",
    "invoice-xml",
    "credit-note-pdf",
    "credit-note-xml",
    "waitlist-leave",
    "logout",
    "theme",
    "project",
    "handover-file",
    "handover-zip",
    "reservation-live",
    "server-live",
    "console-news",
    "contract-paper",
    "quota-request-withdraw",
    "maintenance-defer",
}
"""Routes that answer with a redirect, a file, or a part of a page that is in the list."""
SIDEWAYS = "[...document.querySelectorAll('.table-wrap')].some(part => part.scrollWidth > part.clientWidth)"
REFUSED = re.compile(r"the server responded with a status of (400|403|404|409|422|500)")


def test_no_page_is_forgotten():
    assert {route.name for route in urls.urlpatterns} == set(PAGES) | NO_PAGES


class Looker:
    """Windows that look at addresses one after the other and keep what is wrong."""

    def __init__(self, open_page, login, looks=LOOKS):
        self.windows = [
            open_page(login, color_scheme=scheme, viewport={"width": width, "height": 900}) for scheme, width in looks
        ]
        self.complaints = [watch(window) for window in self.windows]
        self.wrong = {}

    def look(self, address, act=None):
        """Open an address, do what ``act`` says, and look at what is then there."""
        for window, complaints in zip(self.windows, self.complaints, strict=True):
            window.goto(address)
            if act:
                act(window)
            found = [line for line in complaints if not REFUSED.search(line)] + violations(window) + too_wide(window)
            complaints.clear()
            if found:
                self.wrong[address, window.viewport_size["width"]] = found


def too_wide(window):
    """Return by how much the page is wider than the window, at the window's width and at that of the reflow rule."""
    size = window.viewport_size
    found = []
    for width in (size["width"], REFLOW):
        window.set_viewport_size({"width": width, "height": size["height"]})
        if overflow(window) > 0:
            found.append(f"{overflow(window)} px too wide at {width}")
    if window.evaluate(SIDEWAYS):
        found.append(f"a table scrolls sideways at {REFLOW}")
    window.set_viewport_size(size)
    return found


@pytest.mark.timeout(1800)
def test_every_page_in_every_state(open_page, buyer):
    full_list()
    ids = every_state(buyer) | quotes_in_states(buyer) | servers_in_states(buyer) | contracts_in_states(buyer)
    ids |= {"key": buyer.project.ssh_keys.get().public_id, "invoice": yard.invoice(buyer).public_id}
    ids["webhook"] = receiving.told(buyer).endpoint.public_id
    looker = Looker(open_page, browser_of(buyer))

    for address in [address for addresses in PAGES.values() for address in addresses]:
        looker.look(address.format(**ids))

    assert looker.wrong == {}


def test_a_new_customers_pages_are_empty_and_accessible(open_page, buyer):
    buyer.project.ssh_keys.all().delete()
    looker = Looker(open_page, browser_of(buyer), DARK_AND_NARROW)

    for address in ("/", "/reservations", "/quotes", "/waiting-list", "/servers", "/ssh-keys", ORDER):
        looker.look(address)

    assert looker.wrong == {}


def test_the_quotas_with_requests_in_every_state(open_page, buyer):
    buyer.organization.quotas.update(gpu_hours_per_month=2000)
    factories.quota(buyer.organization, 4, project=buyer.project)
    made = {
        state: factories.quota_request(buyer, 96, region=factories.region(f"zone-{state}-1"))
        for state in ("pending", "approved", "declined", "withdrawn")
    }
    sales = staff.person(StaffRole.SALES).as_actor()
    approve_request(actor=sales, request=made["approved"], limit=80, gpu_hours_per_month=9000, reason="until May")
    decline_request(actor=sales, request=made["declined"], reason="No such servers are planned in this region. " * 6)
    withdraw_request(scope=buyer, actor=buyer.actor, request=made["withdrawn"])
    looker = Looker(open_page, browser_of(buyer))

    looker.look("/quotas")
    looker.look("/quotas", lambda window: window.get_by_role("button", name="Send request").click())

    assert looker.wrong == {}


def test_a_viewers_pages(open_page, buyer, active):
    looker = Looker(open_page, browser_of(factories.scope(Role.VIEWER, buyer.project)), DARK_AND_NARROW)

    held = factories.hold(buyer)
    of_one = [f"/reservations/{active.public_id}", f"/quotes/{held.public_id}"]
    for address in ("/", "/availability", "/reservations", *of_one, "/quotes", "/waiting-list", "/ssh-keys", ORDER):
        looker.look(address)

    assert looker.wrong == {}


def press(name):
    def act(page):
        with page.expect_navigation():
            page.get_by_role("button", name=name).last.click()

    return act


def test_forms_with_errors(open_page, buyer, active):
    looker = Looker(open_page, browser_of(buyer), DARK_AND_NARROW)

    looker.look(ORDER, press(re.compile("^Reserve for ")))
    looker.look("/ssh-keys", press("Add key"))
    looker.look(f"/quotes/{factories.hold(buyer).public_id}", press(re.compile("^Reserve for ")))
    looker.look("/waiting-list/join", press("Join the waiting list"))
    looker.look(f"/reservations/{active.public_id}/release", press("Release now"))
    held = active.allocations.first().server.public_id
    looker.look(f"/servers/{held}/do/reinstall", press("Reinstall"))

    assert looker.wrong == {}


def test_what_opens_on_a_page(open_page, buyer, active):
    looker = Looker(open_page, browser_of(buyer), LOOKS[:1])
    page = f"/reservations/{active.public_id}"

    looker.look(page, lambda window: window.get_by_role("link", name="Release early").click())
    looker.look(page, lambda window: window.get_by_text("Host keys, for").click())
    looker.look(page, lambda window: window.get_by_text("How the servers were prepared").click())
    looker.look(ORDER, lambda window: window.get_by_role("link", name="As API call").click())
    looker.look("/availability", lambda window: window.get_by_role("button", name="As API call").click())
    looker.look(page, lambda window: window.get_by_text("Change", exact=True).click())
    looker.look("/", lambda window: window.get_by_label(re.compile("^Account menu")).click())
    looker.look("/", lambda window: window.keyboard.press("?"))

    assert looker.wrong == {}


def test_pages_of_people_without_a_login_or_a_project(open_page, buyer):
    nobody = Looker(open_page, None)
    nobody.look("/prices")
    full_list()
    nobody.look("/prices")
    nobody.look("/login")
    nobody.look("/login?ended=1&next=/servers")
    nobody.look("/login", press("Log in"))
    lost = Looker(open_page, person_without_a_project())
    lost.look("/")

    assert nobody.wrong == {}
    assert lost.wrong == {}


def person_without_a_project():
    client = browser_of(factories.scope())
    client.force_login(factories.user())
    return client


def forget_the_token(page):
    page.context.clear_cookies(name="csrftoken")
    press("Add key")(page)
    expect(page.get_by_role("heading", name="Try again")).to_be_visible()


def test_error_pages(open_page, buyer, monkeypatch):
    login = browser_of(buyer)
    elsewhere = factories.reservation(buyer)
    login.post("/project", {"project": factories.project(buyer.organization).public_id})
    looker = Looker(open_page, login)

    looker.look("/nowhere")
    looker.look(f"/reservations/{elsewhere.public_id}")
    looker.look("/ssh-keys", forget_the_token)
    monkeypatch.setattr("portal.web.views.quotas.quota_meters", broken)
    looker.look("/quotas")

    expect(looker.windows[0].get_by_role("heading", name="Something broke on our side")).to_be_visible()
    assert looker.wrong == {}


def broken(organization):
    raise RuntimeError("a fault of ours")
