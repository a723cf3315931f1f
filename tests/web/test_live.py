"""What happens on an open page without anybody reloading it, in a real browser."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from portal.core import clock
from portal.reservations.services import lifecycle
from tests import factories
from tests.web.browser import needs_chromium, watch
from tests.web.conftest import take_back

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]
LISTEN = """() => {
  const region = document.querySelector("#live [role=status]");
  window.said = [];
  window.isKept = () => region.isConnected;
  new MutationObserver(() => window.said.push(region.textContent)).observe(
    region, { subtree: true, childList: true, characterData: true });
}"""
"""Screen readers read a live region when something in it changes; one that is exchanged is no longer listened to."""


def refresh(page):
    """Ask for the live part now, as a tab that comes back does; wait until it is there."""
    with page.expect_response("**/live"):
        page.evaluate("htmx.trigger('#live', 'refresh')")


def test_the_numbers_beside_the_navigation_follow_until_the_end(open_page, web, starting, buyer):
    page = open_page(web)
    complaints = watch(page)
    page.goto(f"/reservations/{starting.public_id}")
    reservations, servers = page.locator("#count-reservations"), page.locator("#count-servers")
    expect(reservations).to_have_text("1")
    expect(servers).to_be_hidden()

    factories.hand_over(starting)
    expect(servers).to_have_text("2")

    lifecycle.release(scope=buyer, actor=buyer.actor, reservation=starting)
    take_back(starting)
    refresh(page)
    expect(page.locator("#live").get_by_text("Ended", exact=True)).to_be_visible()
    expect(reservations).to_be_hidden()
    expect(servers).to_be_hidden()
    assert complaints == []


def test_polls_that_bring_nothing_new_are_not_announced_and_a_new_state_is_once(open_page, web, starting):
    page = open_page(web)
    page.goto(f"/reservations/{starting.public_id}")
    page.evaluate(LISTEN)
    for _ in range(3):
        refresh(page)
    assert page.evaluate("said") == []

    factories.hand_over(starting)
    refresh(page)
    page.wait_for_function("said.length > 0")
    for _ in range(2):
        refresh(page)

    (said,) = page.evaluate("said")
    assert said.startswith("The servers are yours until ")
    assert page.evaluate("isKept()")


def test_what_was_opened_stays_open_and_the_focus_stays_too(open_page, web, active):
    page = open_page(web)
    page.goto(f"/reservations/{active.public_id}")
    page.get_by_text("Host keys, for").click()
    page.get_by_text("How the servers were prepared").click()
    copy = page.get_by_role("button", name="Copy the host keys")
    copy.focus()

    refresh(page)
    refresh(page)

    expect(copy).to_be_focused()
    expect(page.get_by_role("list", name="Stages")).to_be_visible()


def test_an_active_page_looks_again_seldom(open_page, web, active):
    page = open_page(web)
    # Only the test lets time pass, from before the page is there on: however long it takes to come.
    page.clock.install(time=clock.now())
    page.clock.pause_at(clock.now() + timedelta(hours=1))
    page.goto(f"/reservations/{active.public_id}")
    polls = []
    page.on("request", lambda request: polls.append(request.url) if request.url.endswith("/live") else None)

    page.clock.run_for(28_000)
    assert polls == []

    with page.expect_response("**/live"):
        page.clock.run_for(4_000)
    assert len(polls) == 1


def test_lines_are_copied_one_by_one_and_all_together(open_page, web, active):
    page = open_page(web, permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"/reservations/{active.public_id}")
    clipboard = "navigator.clipboard.readText()"
    hosts = [item.server.ssh_host for item in active.allocations.select_related("server").order_by("position")]
    lines = [f"ssh -p 2222 ubuntu@{host}" for host in hosts]

    page.get_by_role("button", name="Copy the ssh line of now-1-02").click()
    assert page.evaluate(clipboard) == lines[1]

    page.get_by_role("button", name="Copy all ssh lines").click()
    assert page.evaluate(clipboard) == "\n".join(lines)

    page.get_by_text("Host keys, for").click()
    page.get_by_role("button", name="Copy the host keys").click()
    assert page.evaluate(clipboard) == "\n".join(f"[{host}]:2222 {factories.HOST_KEY}" for host in hosts)


def test_a_search_that_takes_long_is_seen_to_run_and_one_that_fails_says_so(open_page, web):
    page = open_page(web)
    page.goto("/availability")
    held = []
    page.route("**/availability?*", lambda route: held.append(route))
    page.get_by_label("Servers", exact=True).fill("5")
    page.get_by_label("Region").focus()
    expect(page.locator("form.htmx-request")).to_be_visible()
    while not held:
        # The test is told of the request a little later than the page begins it.
        page.wait_for_timeout(20)
    expect(page.locator(".calendar [data-cells]")).to_have_css("opacity", "0.55")

    held.pop().abort()
    alert = page.locator("[data-trouble]")
    expect(alert).to_have_text("No connection. What you see may be old; try again.")
    expect(page.locator(".calendar [data-cells]")).to_have_css("opacity", "1")

    page.unroute("**/availability?*")
    page.get_by_label("Servers", exact=True).fill("6")
    page.get_by_label("Region").focus()
    expect(page.get_by_text("fits 6 servers")).to_be_visible()
    expect(alert).to_be_hidden()


def test_without_motion_nothing_turns(open_page, web):
    page = open_page(web, reduced_motion="reduce")
    page.goto("/ui/")

    busy = "getComputedStyle(document.querySelector('.button.busy'), '::after')"
    assert page.evaluate(f"[{busy}.animationDuration, {busy}.animationIterationCount]") == ["1e-05s", "1"]
