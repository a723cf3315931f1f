"""The calendar in a real browser: by keyboard, without scripts, and on a phone."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from portal.core import clock
from portal.reservations.models import Quote, Reservation
from tests import factories
from tests.web.browser import needs_chromium, overflow, violations, watch

pytestmark = [
    needs_chromium,
    pytest.mark.long,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("far_from_midnight"),
]

TYPED = "train-7b"
SIDEWAYS = "box => [box.scrollLeft, box.scrollWidth > box.clientWidth]"


def day(ahead):
    return f"{clock.now() + timedelta(days=ahead):%Y-%m-%d}"


def bars(page):
    """Return the days of the chosen period, as the calendar shows them."""
    values = page.locator("[data-cells] .bar").evaluate_all("cells => cells.map(cell => cell.value)")
    return [value.rpartition(":")[2] for value in values]


def focused(page):
    return page.evaluate("document.activeElement.value ?? document.activeElement.id")


@pytest.fixture
def pools(buyer):
    """Return a buyer beside whose pool there is a second one, of two servers."""
    other = factories.server_type("b200x8", name="8 x B200")
    factories.price(of_type=other, rate="5.00")
    factories.quota(buyer.organization, of_type=other)
    factories.servers(2, of_type=other)
    return buyer


def test_arrows_move_and_enter_chooses(open_page, web, pools):
    page = open_page(web)
    complaints = watch(page)
    page.goto("/availability?length=3d&pick=h100x8@eu-north-1@A")
    cells = page.locator("[data-cells] button[tabindex='0']")
    expect(cells).to_have_count(1)

    cells.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert focused(page) == f"b200x8@eu-north-1@A:{day(2)}"
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name=re.compile("^Reserve 1 . 8 x B200$"))).to_be_visible()
    assert bars(page) == [day(2), day(3), day(4)]
    assert focused(page) == f"b200x8@eu-north-1@A:{day(2)}", "the focus stays"
    expect(cells).to_have_count(1)
    expect(page.get_by_label("Start (UTC)")).to_have_value(f"{day(2)} 00:00")
    expect(page.get_by_role("status").filter(has_text="Chosen")).to_contain_text("8 x B200 in eu-north-1")
    page.keyboard.press("End")
    assert focused(page) == f"b200x8@eu-north-1@A:{day(27)}"
    assert complaints == []


def test_shift_and_an_arrow_make_the_period_longer_and_the_price_follows(open_page, web):
    page = open_page(web)
    page.goto(f"/availability?at=h100x8@eu-north-1@A:{day(2)}")
    expect(page.get_by_text("$480.00").first).to_be_visible()

    page.locator("[data-cells] .bar").focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert bars(page) == [day(2), day(3), day(4)], "at once, before the server knows"

    expect(page.locator(".panel .total")).to_contain_text("$1,440.00")
    expect(page.get_by_label("Duration")).to_have_value("3d")
    assert bars(page) == [day(2), day(3), day(4)]


def test_shift_and_a_click_do_the_same_for_a_mouse(open_page, web):
    page = open_page(web)
    page.goto(f"/availability?at=h100x8@eu-north-1@A:{day(2)}")
    page.locator(f"button[value='h100x8@eu-north-1@A:{day(5)}']").click(modifiers=["Shift"])

    expect(page.locator(".panel .total")).to_contain_text("$1,920.00")
    assert bars(page) == [day(2), day(3), day(4), day(5)]


def test_the_slash_leads_to_the_filter_and_pages_to_other_weeks(open_page, web):
    page = open_page(web)
    page.goto("/availability")
    page.keyboard.press("/")
    expect(page.get_by_label("GPU")).to_be_focused()

    page.locator("[data-cells] button[tabindex='0']").focus()
    page.keyboard.press("PageDown")
    expect(page.locator(f"button[value='h100x8@eu-north-1@A:{day(40)}']")).to_be_visible()
    page.get_by_role("button", name="Today").click()
    expect(page.locator(f"button[value='h100x8@eu-north-1@A:{day(0)}']")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_choosing_holding_and_accepting(open_page, web, buyer, scripts):
    page = open_page(web, java_script_enabled=scripts)
    complaints = watch(page)
    page.goto("/availability?count=2")
    page.locator(f"button[value='h100x8@eu-north-1@A:{day(3)}']").click()
    expect(page.get_by_label("Start (UTC)")).to_have_value(f"{day(3)} 00:00")
    page.get_by_label("Name", exact=True).fill(TYPED)
    page.get_by_role("button", name="Hold for 15 minutes").click()

    page.wait_for_url("**/quotes/quo_*")
    left = page.locator(".held-for .countdown")
    if scripts:
        expect(page.get_by_label("Name", exact=True)).to_have_value(TYPED)
        expect(left).to_have_text(re.compile(r"^\s*1[0-4]:\d\d\s*$"))
        before = left.inner_text()
        expect(left).not_to_have_text(before)
        assert violations(page) == []
    else:
        expect(left).to_have_text(re.compile(r"^\s*1[0-5] min"))
        expect(page.get_by_label("Name", exact=True)).to_have_value(TYPED)
    assert Reservation.objects.get().state == "held"

    page.get_by_role("button", name="Reserve for $960.00").click()
    page.wait_for_url("**/reservations/res_*")
    made = Reservation.objects.get()
    assert (made.name, made.state, f"{made.span.start:%Y-%m-%d %H:%M}") == (TYPED, "scheduled", f"{day(3)} 00:00")
    assert complaints == []


def test_what_was_typed_beside_the_calendar_stays_when_the_search_changes(open_page, web, pools):
    page = open_page(web)
    page.goto("/availability")
    page.get_by_label("Name", exact=True).fill(TYPED)
    page.get_by_label("Servers", exact=True).fill("2")
    page.get_by_label("Duration").select_option("7d")
    expect(page.locator(".panel .total")).to_contain_text("$13,440.00")
    expect(page.get_by_label("Name", exact=True)).to_have_value(TYPED)

    page.get_by_role("button", name="Review reservation").click()
    expect(page.get_by_role("button", name=re.compile(r"^Reserve for \$13,440\.00"))).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value(TYPED)


def test_without_scripts_what_was_typed_stays_when_the_search_changes(open_page, web, pools):
    page = open_page(web, java_script_enabled=False)
    page.goto("/availability")
    page.get_by_label("Name", exact=True).fill(TYPED)
    page.get_by_label("Duration").select_option("7d")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".panel .total")).to_contain_text("$6,720.00")
    page.locator(f"button[value='h100x8@eu-north-1@A:{day(3)}']").click()
    page.get_by_label("How many").fill("2")
    page.get_by_role("button", name="Update").click()

    expect(page.locator(".panel .total")).to_contain_text("$6,720.00")
    expect(page.get_by_label("Name", exact=True)).to_have_value(TYPED)
    page.get_by_role("button", name="Review reservation").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value(TYPED)


def test_a_field_that_is_left_for_the_button_that_holds_holds_nothing(open_page, web):
    page = open_page(web)
    page.goto(f"/availability?at=h100x8@eu-north-1@A:{day(3)}")
    page.get_by_label("Name", exact=True).fill(TYPED)
    with page.expect_response(lambda reply: "/availability" in reply.url) as renewed:
        page.get_by_role("button", name="Hold for 15 minutes").focus()
    assert (renewed.value.request.method, TYPED in renewed.value.url) == ("GET", True)
    assert "csrf" not in renewed.value.url
    assert not Quote.objects.exists()

    page.get_by_label("Name", exact=True).fill(f"{TYPED}-b")
    page.get_by_role("button", name="Hold for 15 minutes").dblclick()
    page.wait_for_url("**/quotes/quo_*")
    expect(page.get_by_label("Name", exact=True)).to_have_value(f"{TYPED}-b")
    assert Quote.objects.count() == 1


@pytest.mark.parametrize(("width", "view"), [(1440, "four"), (1700, "weeks")])
def test_the_whole_window_is_in_sight_beside_the_panel_and_every_day_can_be_hit(open_page, web, width, view):
    page = open_page(web, viewport={"width": width, "height": 1000})
    page.goto(f"/availability?view={view}" if view != "four" else "/availability")
    box, cells = page.locator(".calendar-scroll"), page.locator("[data-cells] tr:first-child button")

    assert (box.evaluate(SIDEWAYS), overflow(page)) == ([0, False], 0)
    assert cells.count() == (28 if view == "four" else 35)
    sizes = [cell.bounding_box() for cell in cells.all()]
    assert min(min(size["width"], size["height"]) for size in sizes) >= 24
    filters = [page.locator(name).bounding_box() for name in (".view", ".steps-in-time")]
    assert filters[1]["y"] < filters[0]["y"] + filters[0]["height"], "the filters stand in one line"


@pytest.mark.parametrize(("width", "view", "days"), [(1440, "four", 28), (1700, "weeks", 35)])
def test_a_month_of_which_one_day_is_in_sight_takes_no_more_than_that_day(open_page, web, width, view, days):
    # The window begins so that a month's first day is its last: the narrowest place that a month's name can get.
    first = (clock.now().replace(day=1) + timedelta(days=95)).replace(day=1) - timedelta(days=days - 1)
    page = open_page(web, viewport={"width": width, "height": 1000})
    page.goto(f"/availability?view={view}&go={first:%Y-%m-%d}")

    months = page.locator(".calendar .month")
    assert months.last.get_attribute("colspan") == "1"
    assert (page.locator(".calendar-scroll").evaluate(SIDEWAYS), overflow(page)) == ([0, False], 0)


def test_on_a_phone_the_calendar_scrolls_in_its_own_box_beside_its_pools(open_page, web):
    page = open_page(web, viewport={"width": 390, "height": 844})
    page.goto(f"/availability?at=h100x8@eu-north-1@A:{day(20)}")
    box = page.locator(".calendar-scroll")
    pool = page.locator("[data-cells] th").first
    bar = page.locator("[data-cells] .bar").first

    (scrolled, is_wider) = box.evaluate(SIDEWAYS)
    assert (scrolled > 0, is_wider, overflow(page)) == (True, True, 0)
    frame, name, cell = (part.bounding_box() for part in (box, pool, bar))
    assert name["x"] == pytest.approx(frame["x"], abs=2), "the pool's name stays"
    assert name["x"] + name["width"] <= cell["x"] <= frame["x"] + frame["width"], "the chosen period is in sight"
    assert page.locator(".panel").bounding_box()["y"] > frame["y"] + frame["height"], "the panel stands below"


def test_the_call_of_the_api_opens_without_scripts_too(open_page, web):
    page = open_page(web, java_script_enabled=False)
    page.goto("/availability")
    page.get_by_role("button", name="As API call").click()

    expect(page.get_by_role("dialog", name="As API call")).to_contain_text("server_type=h100x8")
