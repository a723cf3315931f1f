"""Take the README's pictures from the demo: ``.tools/bin/uv run python -m docs.pictures``. Needs Debian's Chromium."""

import re
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.end_to_end import client
from tests.end_to_end.stack import Stack, running
from tests.web.browser import ARGUMENTS, CHROMIUM, SCHEMES

FOLDER = Path(__file__).parent / "pictures"
SIZE = {"width": 1440, "height": 960}
SERVERS = 8
DAYS_AHEAD = 4
SETTLED_S = 2
MID_WAY = 40
"""Percent of the image written when the picture is taken."""


def picture(page: Page, name: str, scheme: str) -> None:
    """Write what the window shows."""
    page.screenshot(path=FOLDER / f"{name}-{scheme}.png")


def log_in(browser: Browser, stack: Stack, scheme: str) -> Page:
    """Return a window in which the demo's customer is logged in."""
    page: Page = browser.new_context(base_url=stack.url, color_scheme=scheme, viewport=SIZE).new_page()
    page.goto("/")
    page.get_by_label("E-mail").fill(stack.access["customer"]["email"])
    page.get_by_label("Password").fill(stack.access["customer"]["password"])
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Availability").first.wait_for()
    return page


def write_contracts(browser: Browser, stack: Stack, scheme: str) -> None:
    """Photograph the form in which sales writes the demo's draft, as a salesperson."""
    page: Page = browser.new_context(base_url=stack.url, color_scheme=scheme, viewport=SIZE).new_page()
    page.goto("/admin/login/?next=/admin/contracts/contract/?state=draft")
    page.locator("input[name=username]").fill(stack.access["sales"]["email"])
    page.locator("input[name=password]").fill(stack.access["sales"]["password"])
    page.locator("button[type=submit]").first.click()
    page.locator("#result_list a[href*='/contract/'][href*='/change/']").first.click()
    page.wait_for_url("**/change/**")
    page.goto(f"{page.url.partition('change/')[0]}edit/")
    page.locator(".light-free").nth(2).wait_for()
    picture(page, "contract", scheme)


def look_at_money(page: Page, scheme: str) -> None:
    """Photograph the invoice that takes off a credit, and the month in which the promise was missed."""
    page.goto("/invoices")
    page.locator("td a").first.click()
    page.get_by_text("Subtotal", exact=True).wait_for()
    picture(page, "invoice", scheme)
    page.goto("/sla")
    page.locator(".page-head a.button").first.click()
    page.locator(".sla-credit").wait_for()
    picture(page, "sla", scheme)


def reserve(page: Page) -> None:
    """Make a reservation as a customer would, and stay on its page."""
    page.get_by_role("link", name="Availability").first.click()
    page.get_by_label("Servers", exact=True).fill(str(SERVERS))
    page.get_by_label("Region", exact=True).select_option("eu-north-1")
    page.get_by_label("GPU", exact=True).select_option("h100-8x")
    page.get_by_role("heading", name=re.compile(f"^Reserve {SERVERS} . .*H100")).wait_for()
    page.get_by_role("button", name="Review reservation").click()
    page.get_by_label("Name", exact=True).fill("llama-pretrain")
    page.get_by_label("New SSH key").fill(client.key_pair()[1])
    page.get_by_role("button", name=re.compile("^Reserve for ")).click()
    page.wait_for_url("**/reservations/res_*")


def choose(page: Page) -> None:
    """Show the calendar with a fortnight chosen in it."""
    page.goto(f"/availability?count={SERVERS}&length=14d")
    first = page.locator("tr.chosen button[name='at']").nth(DAYS_AHEAD)
    first.click()
    page.locator("#id_start[value]").wait_for()
    page.locator("h1").click()
    page.wait_for_timeout(SETTLED_S * 1000)


def main() -> None:
    """Start a demo with believable timings, photograph what is there, reserve, and photograph the page on the way."""
    FOLDER.mkdir(exist_ok=True)
    with running() as stack, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        windows = {scheme: log_in(browser, stack, scheme) for scheme in SCHEMES}
        for scheme, page in windows.items():
            write_contracts(browser, stack, scheme)
            look_at_money(page, scheme)
            choose(page)
            picture(page, "availability", scheme)
        reserve(windows["light"])
        address = windows["light"].url
        windows["dark"].goto(address)
        reservation = address.rpartition("/")[2]
        client.until(lambda: stack.has_part(reservation, stage="image", percent=MID_WAY))
        time.sleep(SETTLED_S)
        for scheme, page in windows.items():
            picture(page, "reservation", scheme)
        browser.close()


if __name__ == "__main__":
    main()
