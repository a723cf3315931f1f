"""Holds in a real browser, while time runs out."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from portal.core import clock
from portal.reservations.models import Quote
from tests import factories
from tests.web.browser import needs_chromium, violations

pytestmark = [needs_chromium, pytest.mark.long, pytest.mark.django_db(transaction=True)]

TYPED = "train-7b"


def test_a_wrong_clock_of_the_reader_does_not_matter(open_page, web, buyer):
    held = factories.hold(buyer)
    page = open_page(web)
    page.clock.install(time=clock.now() - timedelta(days=400))
    page.goto(f"/quotes/{held.public_id}")

    expect(page.locator(".held-for .countdown")).to_have_text(re.compile(r"^\s*1[0-4]:\d\d\s*$"))


def seconds_left(page):
    """Return how many seconds the page says that a hold has left."""
    minutes, seconds = page.locator(".held-for .countdown").inner_text().split(":")
    return 60 * int(minutes) + int(seconds)


def test_a_voice_is_told_now_and_then_only(open_page, web, buyer):
    page = open_page(web)
    page.clock.install()
    page.goto(f"/quotes/{factories.hold(buyer).public_id}")
    voice = page.locator("[data-countdown-said]")
    expect(voice).to_have_attribute("aria-live", "polite")

    # From here on only the test lets time pass: what is on the page for seconds only cannot be missed.
    page.clock.pause_at(clock.now() + timedelta(minutes=10))
    page.clock.run_for((seconds_left(page) - 31) * 1000)
    expect(voice).to_have_text("1 minutes left")
    page.clock.run_for(1000)
    expect(voice).to_have_text("30 seconds left")
    page.clock.run_for(8000)
    assert seconds_left(page) == 22
    expect(voice).to_have_text("30 seconds left")


def let_run_out(page):
    """Let a hold be over soon: for the page, which counts its last seconds, and at once for the server."""
    earlier = (seconds_left(page) - 2) * 1000
    page.locator(".held-for .countdown").evaluate(
        "(part, ms) => { part.dataset.until = new Date(Date.parse(part.dataset.until) - ms).toISOString(); }", earlier
    )
    Quote.objects.update(expires_at=clock.now())


def test_a_hold_that_runs_out_says_so_keeps_what_was_typed_and_can_be_had_again(open_page, web, buyer):
    held = factories.hold(buyer, starts_at=(clock.now() + timedelta(days=2)).replace(microsecond=0))
    page = open_page(web)
    page.goto(f"/quotes/{held.public_id}")
    page.get_by_label("Name", exact=True).fill(TYPED)
    expect(page.get_by_role("button", name=re.compile("^Reserve for"))).to_be_visible()

    let_run_out(page)
    expect(page.get_by_role("alert").filter(has_text="This hold ran out")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Reserve for"))).to_be_hidden()
    assert violations(page) == []
    page.get_by_role("button", name="Hold the same again").click()

    expect(page.locator(".held-for .countdown")).to_have_text(re.compile(r"^\s*1[0-4]:\d\d\s*$"))
    expect(page.get_by_label("Name", exact=True)).to_have_value(TYPED)
    again = Quote.objects.latest("pk")
    assert (again.pk != held.pk, again.span, again.state) == (True, held.span, "open")
