"""Who is the victim of deadlocks again and again is told so, and sends the same again with one button."""

import pytest
from django.db import OperationalError, connection, transaction
from django.test import RequestFactory
from django.urls import resolve

from portal.core.repeating import ATTEMPTS
from portal.web.busy import BusyMiddleware
from tests import factories
from tests.deadlocks import in_the_way
from tests.web.conftest import browser_of
from tests.web.seen import text, values


def answered(path, error, **fields):
    """Return what the middleware answers where a page raised something."""
    request = RequestFactory().post(path, fields) if fields else RequestFactory().get(path)
    request.resolver_match = resolve(path.partition("?")[0])
    return BusyMiddleware(lambda _request: None).process_exception(request, error)


@pytest.fixture
def held(transactional_db):
    buyer = factories.buyer()
    return buyer, factories.hold(buyer)


@pytest.fixture
def error(db):
    """Return what a statement raises that the database gave up in favour of others."""
    return gave_up("deadlock_detected")


def gave_up(condition):
    with pytest.raises(OperationalError) as found, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'as if' USING ERRCODE = '{condition}'; END $$")
    return found.value


def test_who_meets_deadlocks_only_is_told_and_nothing_is_changed(held):
    buyer, quote = held
    web = browser_of(buyer)

    with in_the_way(quote, ATTEMPTS):
        reply = web.post(f"/quotes/{quote.public_id}/withdraw")

    assert (reply.status_code, reply.headers["Retry-After"], reply.headers["Cache-Control"]) == (503, "5", "no-store")
    assert "Nothing was changed." in text(reply)
    quote.refresh_from_db()
    assert (quote.state, quote.reservation.state) == ("open", "held")
    assert values(reply, f"/quotes/{quote.public_id}/withdraw") == {}
    assert web.post(f"/quotes/{quote.public_id}/withdraw").url == "/quotes"


def test_control_one_deadlock_less_is_not_heard_of(held):
    buyer, quote = held

    with in_the_way(quote, ATTEMPTS - 1):
        reply = browser_of(buyer).post(f"/quotes/{quote.public_id}/withdraw")

    assert (reply.status_code, reply.url) == (302, "/quotes")
    quote.refresh_from_db()
    assert quote.state == "withdrawn"


def test_the_button_sends_all_that_was_typed_to_the_same_address(error):
    typed = {
        "name": 'a "b" <c>',
        "ssh_keys": ["key_1", "key_2"],
        "user_data": "#!/bin/sh\r\n\r\necho é\r\n",
        "take": "",
    }

    reply = answered("/reserve?type=h100x8", error, csrfmiddlewaretoken="old", **typed)

    assert reply.status_code == 503
    sent = values(reply, "/reserve\\?type=h100x8")
    assert sent == {name: value if isinstance(value, list) else [value] for name, value in typed.items()}
    assert 'name="csrfmiddlewaretoken"' in reply.content.decode()
    assert 'value="old"' not in reply.content.decode()


def test_a_password_is_put_on_no_page(error):
    for path in ("/login", "/admin/login/"):
        page = answered(path, error, email="ana@lab.test", password="secret of ana").content.decode()

        assert "secret of ana" not in page
        assert "<form" not in page
        assert f'href="{path}"' in page


def test_a_page_that_was_only_asked_for_is_asked_for_again(error):
    page = answered("/availability?count=2&amp=1", error).content.decode()

    assert "<form" not in page
    assert 'href="/availability?count=2&amp;amp=1"' in page


def test_staff_are_led_back_to_their_own_pages(error):
    assert 'href="/admin/"' in answered("/admin/reservations/quote/", error).content.decode()


def test_other_errors_and_programs_are_not_meant(error):
    assert answered("/availability", ValueError("a fault")) is None
    assert answered("/availability", gave_up("query_canceled")) is None
    assert answered("/healthz", error) is None
