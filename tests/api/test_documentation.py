"""The API's description of itself."""

import io

import pytest
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import sync_playwright

from portal.api.problem_types import PROBLEM_TYPES
from tests.web.browser import ARGUMENTS, CHROMIUM, WIDTHS, needs_chromium, overflow, violations, watch

METHODS = ("get", "post", "put", "patch", "delete")

PUBLIC = ("/api/v1/certificate-keys", "/api/v1/prices", "/api/v1/sla/definitions", "/api/v1/status")
"""Described, and open to all."""


@pytest.fixture(scope="module")
def described():
    """Return the description as it is served."""
    return Client().get("/api/v1/openapi.json").json()


def operations_of(described):
    return [
        (path, method, operation)
        for path, item in described["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_the_description_is_valid_and_nothing_in_it_was_guessed():
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=io.StringIO())


def test_every_operation_says_what_it_does_who_may_and_how_it_refuses(described):
    operations = operations_of(described)

    assert described["openapi"] == "3.1.0"
    assert len(operations) >= 21
    assert len({operation["operationId"] for _, _, operation in operations}) == len(operations)
    for path, method, operation in operations:
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation.get("security", []) == ([] if path in PUBLIC else [{"token": []}]), where
        assert {"400", "401", "403", "422", "429", "500"} <= set(operation["responses"]), where
        for status, reply in operation["responses"].items():
            if int(status) >= 400:
                assert list(reply["content"]) == ["application/problem+json"], where
                assert reply["description"], where


def test_what_names_one_object_says_that_it_may_not_be_there(described):
    for path, method, operation in operations_of(described):
        assert ("404" in operation["responses"]) == ("{" in path), f"{method} {path}"


def test_what_makes_a_reservation_demands_a_key_and_nothing_else(described):
    demanding = {
        operation["operationId"]
        for _, _, operation in operations_of(described)
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "Idempotency-Key" and parameter.get("required")
    }

    assert demanding == {"create_reservation", "accept_quote"}


@pytest.fixture
def window(transactional_db, live_server, monkeypatch):
    """Return a function that opens a window of a width on the served portal."""
    # Playwright's loop lives in this thread; Django would refuse the test's own queries beside it.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield lambda width: browser.new_page(base_url=live_server.url, viewport={"width": width, "height": 900})
        browser.close()


@needs_chromium
def test_the_page_shows_every_operation_from_here_alone_and_breaks_no_policy(described, live_server, window):
    asked = []
    page = window(WIDTHS[0])
    complaints = watch(page)
    page.on("request", lambda request: asked.append(request.url))

    policy = page.goto("/api/v1/docs/").headers["content-security-policy"]
    page.locator("#operations-Reservations-create_reservation button").first.click()
    page.wait_for_selector(".opblock-body .responses-table")

    assert complaints == []
    assert page.locator(".opblock").count() == len(operations_of(described))
    assert "unsafe" not in policy
    assert len(asked) >= 4
    assert [url for url in asked if not url.startswith((live_server.url, "data:"))] == []


@needs_chromium
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_of_problems_is_accessible_and_fits(window, width):
    page = window(width)
    complaints = watch(page)

    page.goto("/api/v1/problems#not_found")

    assert complaints == []
    assert violations(page) == []
    assert overflow(page) <= 0


@pytest.mark.parametrize("address", ["/api/v1/docs", "/api/v1/docs/"])
def test_the_page_is_found_with_the_slash_and_without(address):
    assert Client().get(address).status_code == 200


def test_the_address_in_a_problem_document_explains_its_code():
    listed = Client().get("/api/v1/problems").json()
    page = Client().get("/api/v1/problems", headers={"Accept": "text/html,*/*;q=0.8"})

    assert listed["next_cursor"] is None
    assert {row["code"]: row["status"] for row in listed["data"]} == {
        kind.code: kind.status for kind in PROBLEM_TYPES.values()
    }
    assert page.headers["Content-Type"].startswith("text/html")
    for row in listed["data"]:
        assert row["type"] == f"/api/v1/problems#{row['code']}"
        assert f'id="{row["code"]}"' in page.content.decode()
