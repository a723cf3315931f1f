"""A serial console that is followed in a real browser."""

import pytest
from playwright.sync_api import expect

from portal.reservations.models import ConsoleChunk
from tests import hands
from tests.web.browser import needs_chromium, violations, watch

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]
AT_THE_END = "() => Math.abs(document.querySelector('.console').scrollTop) < 2"


def write(held, text):
    return ConsoleChunk.objects.create(allocation=held, text=text, size=len(text))


def poll(page):
    with page.expect_response("**/console/news*"):
        page.evaluate("htmx.trigger('#live', 'refresh')")


def test_what_is_new_is_added_once_and_stays_in_sight(open_page, web, buyer):
    held = hands.active(buyer).allocations.get()
    write(held, "".join(f"line {number}\n" for number in range(200)))
    page = open_page(web)
    complaints = watch(page)
    page.goto(f"/reservations/{held.reservation.public_id}/servers/{held.server.public_id}/console")
    assert page.evaluate(AT_THE_END)

    last = write(held, "kernel <panic>\n")
    poll(page)
    log = page.locator("#console-text")
    expect(log).to_contain_text("line 199\nkernel <panic>\n")
    expect(page.locator("#console-after")).to_have_value(last.public_id)
    poll(page)
    poll(page)

    assert log.text_content().count("panic") == 1
    assert page.evaluate(AT_THE_END)
    assert violations(page) == []
    assert complaints == []


def test_the_keyboard_scrolls_it(open_page, web, buyer):
    held = hands.active(buyer).allocations.get()
    write(held, "line\n" * 500)
    page = open_page(web)
    page.goto(f"/reservations/{held.reservation.public_id}/servers/{held.server.public_id}/console")

    page.locator(".console").focus()
    page.keyboard.press("PageUp")

    page.wait_for_function(f"() => !({AT_THE_END})()")
