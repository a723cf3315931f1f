"""What people do on the pages, in a real browser, with and without scripts."""

import re

import pytest
from django.test import Client
from playwright.sync_api import expect

from portal.core import clock
from portal.reservations.models import Reservation
from tests import factories
from tests.web.browser import needs_chromium, violations, watch

pytestmark = [needs_chromium, pytest.mark.long, pytest.mark.django_db(transaction=True)]


def test_axe_would_notice(open_page):
    page = open_page()
    page.goto("/ui/")
    page.evaluate("document.querySelector('h1').outerHTML = '<img src=\"/static/web/mark.svg\">'")

    assert any(line.startswith("image-alt") for line in violations(page))


def log_in(page, person):
    page.goto("/")
    page.get_by_label("E-mail").fill(person.email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Log in").click()


def show(page):
    """Send the search: with scripts it goes by itself when a field is left."""
    button = page.get_by_role("button", name="Show")
    if button.count():
        button.click()
    else:
        page.keyboard.press("Tab")
    expect(page.get_by_role("heading", name=re.compile("^Reserve 2 . 8 x H100"))).to_be_visible()


def reserve(page, name):
    """Search, reserve with a pasted key, and return the reservation's page."""
    page.get_by_role("link", name="Availability").first.click()
    page.get_by_label("Servers", exact=True).fill("2")
    show(page)
    page.get_by_role("button", name="Review reservation").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("New SSH key").fill(factories.KEY)
    page.get_by_role("button", name=re.compile(r"^Reserve for \$960\.00")).click()
    page.wait_for_url("**/reservations/res_*")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_the_whole_way_with_and_without_scripts(open_page, buyer, scripts):
    buyer.project.ssh_keys.all().delete()
    person = buyer.organization.memberships.get().user
    page = open_page(java_script_enabled=scripts)
    complaints = watch(page)

    log_in(page, person)
    reserve(page, "train-7b")
    made = Reservation.objects.get()
    expect(page.get_by_role("heading", name="train-7b", level=1)).to_be_visible()
    expect(page.locator("#live").get_by_text("Provisioning · 0 of 2 ready")).to_be_visible()

    factories.hand_over(made)
    if not scripts:
        page.reload()
    expect(page.locator("#live").get_by_text("Active", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile(r"^ssh -p 2222 ubuntu@127"))).to_have_count(2)

    page.get_by_role("link", name="Release early").click()
    page.get_by_label("Type train-7b to confirm").fill("train-7b")
    page.get_by_role("button", name="Release now").click()
    expect(page.locator("#live").get_by_text("Ending · 0 of 2 erased")).to_be_visible()
    assert Reservation.objects.get().state == "ending"
    assert complaints == []


def test_a_wrong_name_does_not_leave_the_dialog(open_page, web, active):
    page = open_page(web)
    page.goto(f"/reservations/{active.public_id}")
    page.get_by_role("link", name="Release early").click()
    page.get_by_label("Type now-1 to confirm").fill("now-2")
    page.get_by_role("button", name="Release now").click()

    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    active.refresh_from_db()
    assert active.state == "active"


def test_changing_the_search_renews_results_and_address_and_keeps_the_focus(open_page, web):
    page = open_page(web)
    complaints = watch(page)
    page.goto("/availability")
    page.get_by_label("Servers", exact=True).fill("5")
    page.get_by_label("Region").focus()
    expect(page.get_by_text("fits 5 servers")).to_be_visible()

    expect(page).to_have_url(re.compile("count=5"))
    expect(page.get_by_label("Region")).to_be_focused()
    expect(page.get_by_label("Servers", exact=True)).to_have_value("5")
    assert complaints == []


def test_errors_take_the_focus_and_lead_to_the_field(open_page, web):
    page = open_page(web)
    page.goto("/ssh-keys")
    page.get_by_role("button", name="Add key").click()
    expect(page.locator(".error-summary")).to_be_focused()

    page.locator(".error-summary a").click()
    expect(page.get_by_label("Public key")).to_be_focused()


def test_colours_change_at_once_and_stay(open_page, web):
    page = open_page(web, color_scheme="light")
    page.goto("/")
    page.get_by_label(re.compile("^Account menu")).click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_keys_go_places_and_rest_while_typing(open_page, web):
    page = open_page(web)
    # The second of two keys must come soon: time stands still until both are pressed.
    page.clock.set_fixed_time(clock.now())
    page.goto("/")
    page.keyboard.press("/")
    expect(page.get_by_placeholder("Jump to a server or reservation…")).to_be_focused()
    page.keyboard.type("ga")
    expect(page).to_have_url(re.compile("/$"))

    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page).to_have_url(re.compile("/availability$"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()


def test_a_lost_connection_is_said(open_page, web, starting):
    page = open_page(web)
    page.goto(f"/reservations/{starting.public_id}")
    expect(page.locator("[data-fresh]")).to_contain_text("Live, updated")
    page.route("**/live", lambda route: route.abort())

    expect(page.locator("[data-fresh]")).to_contain_text("No connection, as of")


def test_a_session_that_ended_leads_the_whole_page_to_the_login(open_page, web, starting):
    page = open_page(web)
    page.goto(f"/reservations/{starting.public_id}")
    browser_session = Client()
    browser_session.cookies["sessionid"] = web.cookies["sessionid"].value
    browser_session.post("/logout")

    page.wait_for_url(re.compile("/login"))
    expect(page.get_by_text("Your session ended.")).to_be_visible()
    page.get_by_label("E-mail").fill(starting.organization.memberships.get().user.email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="now-1", level=1)).to_be_visible()
