"""The whole job in a real browser, against real workers and the emulated fleet; axe looks at every page on the way."""

import re

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.end_to_end import client
from tests.web.browser import ARGUMENTS, CHROMIUM, PATIENCE_MS, needs_chromium, violations, watch

pytestmark = [needs_chromium, pytest.mark.end_to_end, pytest.mark.timeout(900), pytest.mark.xdist_group("product")]
COUNT = 4


@pytest.fixture
def page(stack):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = browser.new_page(base_url=stack.url, viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        yield page
        browser.close()


class Visitor:
    """Somebody who clicks through pages while axe watches."""

    def __init__(self, page):
        self.page = page
        self.complaints = watch(page)
        self.wrong = {}

    def look(self, name):
        found = violations(self.page)
        if found:
            self.wrong[name] = found


def log_in(visitor, login):
    page = visitor.page
    page.goto("/")
    visitor.look("login")
    page.get_by_label("E-mail").fill(login["email"])
    page.get_by_label("Password").fill(login["password"])
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("link", name="Availability").first).to_be_visible()
    visitor.look("dashboard")


def reserve(visitor, public_key):
    page = visitor.page
    page.get_by_role("link", name="Availability").first.click()
    page.get_by_label("Servers", exact=True).fill(str(COUNT))
    page.get_by_label("Region", exact=True).select_option("eu-north-1")
    page.get_by_label("GPU", exact=True).select_option("h100-8x")
    expect(page.get_by_role("heading", name=re.compile(rf"^Reserve {COUNT} . 8 ?x H100"))).to_be_visible()
    visitor.look("availability")
    page.get_by_role("button", name="Review reservation").click()
    page.get_by_label("Name", exact=True).fill("in-the-browser")
    if page.get_by_text("Paste another key").count():
        # The project has keys of other tests by now: the field for one more is folded away.
        page.get_by_text("Paste another key").click()
    page.get_by_label("New SSH key").fill(public_key)
    visitor.look("reserve")
    page.get_by_role("button", name=re.compile(r"^Reserve for ")).click()
    page.wait_for_url("**/reservations/res_*")
    visitor.look("reservation while it starts")
    return page.url.rpartition("/")[2]


def release(visitor):
    page = visitor.page
    page.get_by_role("link", name="Release early").click()
    visitor.look("release")
    page.get_by_label("Type in-the-browser to confirm").fill("in-the-browser")
    page.get_by_role("button", name="Release now").click()


def test_from_the_login_to_erased_disks(stack, page):
    key, public_key = client.key_pair()
    visitor = Visitor(page)
    live = page.locator("#live")

    log_in(visitor, stack.access["customer"])
    reservation = reserve(visitor, public_key)
    expect(live.get_by_text("Active", exact=True)).to_be_visible(timeout=client.LIMIT_S * 1000)
    lines = live.get_by_text(re.compile(r"^ssh -p \d+ \w+@127\.")).all_inner_texts()
    visitor.look("active reservation")
    shown = client.servers(stack, reservation)
    answers = [client.hostname_over_ssh(server, key) for server in shown]

    assert len(lines) == COUNT
    assert sorted(lines) == sorted(f"ssh -p {one['ssh_port']} {one['ssh_user']}@{one['ssh_host']}" for one in shown)
    assert answers == [server["hostname"] for server in shown]

    names = stack.server_names(reservation)
    release(visitor)
    expect(live.get_by_text("Ended", exact=True)).to_be_visible(timeout=client.LIMIT_S * 1000)
    visitor.look("ended reservation")

    assert set(stack.server_states(names).values()) == {"available"}
    for name in names:
        assert not any(stack.disk(name).read_bytes()), f"{name} has bytes left on its disk"
    assert visitor.wrong == {}
    assert visitor.complaints == []
