"""The reserve page in a real browser: pressed twice, gone back to, typed wrongly, and by the keyboard alone."""

import json
import re
import shlex
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from portal.core import clock
from portal.reservations.models import Reservation
from tests import factories
from tests.web.browser import needs_chromium, watch

pytestmark = [needs_chromium, pytest.mark.long, pytest.mark.django_db(transaction=True)]
ORDER = "/reserve?type=h100x8&region=eu-north-1&count=2"
PRESS_TWICE = "button => { button.click(); button.click(); }"
WITHOUT_GUARD = "document.querySelector('form[data-once]').removeAttribute('data-once')"


def button(page):
    return page.get_by_role("button", name=re.compile("^Reserve for "))


@pytest.mark.parametrize("guarded", [True, False], ids=["the page holds it back", "the server recognises it"])
def test_pressing_twice_reserves_once_and_shows_no_error(open_page, web, guarded):
    page = open_page(web)
    complaints = watch(page)
    page.goto(ORDER)
    page.get_by_label("Name", exact=True).fill("train-7b")
    if not guarded:
        page.evaluate(WITHOUT_GUARD)
    button(page).evaluate(PRESS_TWICE)

    page.wait_for_url("**/reservations/res_*")
    expect(page.get_by_role("heading", name="train-7b", level=1)).to_be_visible()
    assert Reservation.objects.count() == 1
    assert complaints == []


def test_after_going_back_the_button_works_again_and_the_name_is_refused_with_a_reason(open_page, web):
    page = open_page(web)
    page.goto(ORDER)
    page.get_by_label("Name", exact=True).fill("train-7b")
    button(page).click()
    page.wait_for_url("**/reservations/res_*")

    page.go_back()
    expect(button(page)).not_to_have_attribute("aria-disabled", "true")
    page.get_by_label("Name", exact=True).fill("train-8b")
    button(page).click()
    page.wait_for_url("**/reservations/res_*")

    assert sorted(Reservation.objects.values_list("name", flat=True)) == ["train-7b", "train-8b"]


def test_the_api_call_follows_what_is_typed(open_page, web, buyer):
    page = open_page(web)
    page.goto(ORDER)
    page.get_by_role("link", name="As API call").click()
    call = page.locator("#api-call")
    expect(call).to_be_visible()

    page.get_by_label("Name", exact=True).fill('it\'s "mine"')
    page.get_by_label("User-data").fill("#!/bin/sh\necho 'hi' && echo <b>\n")
    page.get_by_label(buyer.project.ssh_keys.get().name).uncheck()

    words = shlex.split(call.inner_text())
    body = json.loads(words[words.index("-d") + 1])
    assert body["name"] == 'it\'s "mine"'
    assert body["user_data"] == "#!/bin/sh\necho 'hi' && echo <b>\n"
    assert body["ssh_keys"] == []
    assert body["image"] == factories.OSImage.objects.get().public_id


def test_taking_an_offer_keeps_what_was_typed_and_enter_does_not_take_one(open_page, web, buyer):
    factories.reservation(buyer, count=7, starts_at=clock.now() + timedelta(minutes=1))
    page = open_page(web)
    page.goto(ORDER)
    name = page.get_by_label("Name", exact=True)
    name.fill("late")
    name.press("Enter")
    expect(page.get_by_text("1 of 2 x 8 x H100 are free in one fabric")).to_be_visible()
    with page.expect_navigation():
        name.press("Enter")
    expect(page.get_by_text("1 of 2 x 8 x H100 are free in one fabric")).to_be_visible()

    page.get_by_role("button", name="Take this offer: 1 instead of 2").click()
    expect(page.get_by_role("heading", name=re.compile("^Reserve 1 "), level=1)).to_be_visible()
    expect(name).to_have_value("late")
    button(page).click()
    page.wait_for_url("**/reservations/res_*")

    assert Reservation.objects.get(name="late").count == 1


def test_too_much_user_data_is_counted_while_typing_and_not_sent(open_page, web):
    page = open_page(web)
    page.goto(ORDER)
    page.get_by_label("Name", exact=True).fill("train-7b")
    text = "#cloud-config\n" + "ü" * 8186
    page.get_by_label("User-data").fill(text)
    expect(page.get_by_text("16,386 of 16,384 bytes")).to_be_visible()

    button(page).click()
    expect(page.get_by_label("User-data")).to_be_focused()
    assert (
        page.get_by_label("User-data").evaluate("field => field.validationMessage").startswith("At most 16,384 bytes")
    )
    assert Reservation.objects.count() == 0

    page.get_by_label("User-data").fill(text[:-1])
    button(page).click()
    page.wait_for_url("**/reservations/res_*")
    assert Reservation.objects.get().user_data == text[:-1]


def test_the_keyboard_alone_is_enough(open_page, web):
    page = open_page(web)
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Reserve servers")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/availability")

    page.keyboard.press("Control+k")
    expect(page.get_by_label("Search servers and reservations")).to_be_focused()

    page.get_by_role("button", name="Review reservation").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/reserve?*")
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("train-7b")
    page.keyboard.press("Enter")
    page.wait_for_url("**/reservations/res_*")

    page.get_by_role("link", name="Cancel").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("link", name="Cancel")).to_be_focused()


def test_the_focus_goes_through_the_form_as_it_is_read(open_page, web):
    page = open_page(web)
    page.goto(ORDER)
    page.get_by_label("Name", exact=True).focus()
    seen = []
    for _ in range(7):
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        page.keyboard.press("Tab")

    assert seen[:4] == ["id_name", "id_image", "id_ssh_keys_0", "Paste another key"]
    assert seen[4:6] == ["id_user_data", "As API call"]
    assert seen[6].startswith("Reserve for ")


def test_a_pool_that_is_chosen_shows_its_price_without_losing_the_place(open_page, web):
    factories.price(of_type=factories.server_type("b200x8", name="8 x B200"), rate="5.00")
    factories.server(of_type=factories.server_type("b200x8"))
    page = open_page(web, viewport={"width": 390, "height": 800})
    page.goto("/availability")
    chosen = page.locator("[data-pool^='h100x8@eu-north-1'] button").first
    chosen.click()

    expect(page.get_by_role("heading", name=re.compile(r"^Reserve 1 . 8 x H100$"))).to_be_in_viewport()
    expect(page).to_have_url(re.compile("at=h100x8%40eu-north-1%40A"))
    expect(chosen).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="8 x H100 in eu-north-1, fabric A")).to_be_attached()
