"""What pages show as API calls is understood by the API and does the same."""

import html
import json
import re
import shlex
from datetime import timedelta

import pytest

from portal.core import clock
from portal.reservations.models import Reservation
from tests.api.client import Api

HARD = "#!/bin/sh\necho 'it''s <b> & \"quoted\" \\n ü'\n"


@pytest.fixture
def api(buyer):
    return Api.of(buyer.project)


def call_on(page):
    """Return the words of the command that a page shows, as a shell reads them."""
    shown = re.search(r'<pre class="many" id="api-(?:call|lines)"[^>]*>(.*?)</pre>', page.content.decode(), re.DOTALL)[
        1
    ]
    return shlex.split(html.unescape(re.sub(r"<[^>]+>", "", shown)))


def path_of(word):
    return word.removeprefix("http://testserver/api/v1")


def test_the_call_of_the_reserve_page_makes_the_reservation_that_the_form_would(web, api, plan, order):
    bad = web.post("/reserve", order | {"name": "train-7b", "user_data": HARD, "new_key": "nonsense"})
    words = call_on(bad)
    body = json.loads(words[words.index("-d") + 1])

    reply = api.post(path_of(words[3]), body)

    assert words[:3] == ["curl", "-X", "POST"]
    assert "Idempotency-Key: $(uuidgen)" in words
    assert reply.status_code == 201, reply.content
    made = Reservation.objects.get()
    web.post("/reserve", order | {"name": "by-form", "user_data": HARD})
    by_form = Reservation.objects.get(name="by-form")
    # Not the price: without a start both begin when they are sent, and the end stays where it was shown.
    for name in ("server_type", "region", "count", "placement", "image", "ssh_keys", "user_data"):
        assert getattr(made, name) == getattr(by_form, name), name


def test_a_start_that_was_chosen_is_in_it_and_now_is_left_out(web, plan):
    tomorrow = (clock.now() + timedelta(days=1)).replace(second=0, microsecond=0)

    now = call_on(web.get("/reserve", plan))
    later = call_on(web.get("/reserve", plan | {"start": f"{tomorrow:%Y-%m-%dT%H:%M}"}))

    assert "starts_at" not in json.loads(now[now.index("-d") + 1])
    body = json.loads(later[later.index("-d") + 1])
    assert (body["starts_at"], body["ends_at"]) == (
        clock.as_rfc3339(tomorrow),
        clock.as_rfc3339(tomorrow + timedelta(days=1)),
    )


def test_the_call_of_the_search_asks_for_what_is_chosen(web, api, plan):
    words = call_on(web.get("/availability", plan | {"type": ""}))

    reply = api.get(path_of(words[1]))

    assert words[0] == "curl"
    assert reply.status_code == 200, reply.content
    assert (reply.json()["available"], reply.json()["free"]) == (True, 8)


def test_the_call_of_a_reservation_lists_its_servers(web, api, active):
    words = call_on(web.get(f"/reservations/{active.public_id}"))

    reply = api.get(path_of(words[1]))

    assert [row["hostname"] for row in reply.json()["data"]] == ["now-1-01", "now-1-02"]


def test_without_a_plan_there_is_no_call(web, order):
    page = web.post("/reserve", order | {"count": "0"})

    assert b'id="api-call"' not in page.content
    assert b"As API call" not in page.content
