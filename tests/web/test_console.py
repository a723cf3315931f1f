"""The page of a serial console, and what its poll adds."""

from datetime import timedelta

import pytest

from portal.reservations.models import ConsoleChunk, ConsoleCursor
from portal.reservations.services.lifecycle import release
from portal.web.views import console
from tests import hands
from tests.api.world import nothing_changes
from tests.web.seen import text


@pytest.fixture
def held(buyer):
    return hands.active(buyer).allocations.get()


def address_of(held):
    return f"/reservations/{held.reservation.public_id}/servers/{held.server.public_id}/console"


def write(held, *texts):
    return [ConsoleChunk.objects.create(allocation=held, text=item, size=len(item)) for item in texts]


def news(web, held, after=""):
    return web.get(f"{address_of(held)}/news", {"after": after}, headers={"HX-Request": "true"})


def test_the_servers_page_leads_to_it(web, held):
    assert f'href="{address_of(held)}"' in web.get(f"/servers/{held.server.public_id}").content.decode()


def test_it_shows_the_log_without_scripts_as_text(web, held):
    last = write(held, "\x1b[32mLinux\x1b[0m\n", "<script>alert(1)</script>\n")[-1]

    page = web.get(address_of(held)).content.decode()

    assert '<pre id="console-text">Linux\n&lt;script&gt;alert(1)&lt;/script&gt;\n</pre>' in page
    assert "\x1b" not in page
    assert f'name="after" value="{last.public_id}"' in page
    assert 'tabindex="0" role="log"' in page
    assert "This is the end of it" not in page


def test_of_a_long_log_it_shows_the_end_and_says_so(web, held, monkeypatch):
    monkeypatch.setattr(console, "SHOWN_CHARACTERS", 8)
    write(held, "first\n", "second\n")

    page = web.get(address_of(held)).content.decode()

    assert "second" in page
    assert "first\n" not in page
    assert "This is the end of it" in page


def test_a_poll_brings_what_is_new_and_says_where_the_next_goes_on(web, held):
    first, second = write(held, "old\n", "new <b>\n")

    reply = news(web, held, first.public_id)

    assert reply.content.decode() == (
        "<span>new &lt;b&gt;\n</span>"
        f'<input type="hidden" id="console-after" name="after" value="{second.public_id}" hx-swap-oob="true">'
    )
    assert (news(web, held, second.public_id).status_code, news(web, held).status_code) == (204, 200)


def test_a_poll_brings_no_more_than_one_can_take(web, held, monkeypatch):
    monkeypatch.setattr(console, "MOST_CHUNKS", 1)
    first, _ = write(held, "1\n", "2\n")

    assert f'value="{first.public_id}"' in news(web, held).content.decode()


def test_page_and_poll_have_the_console_read(web, held):
    web.get(address_of(held))
    wanted = ConsoleCursor.objects.get().wanted_until
    ConsoleCursor.objects.update(wanted_until=wanted - timedelta(minutes=1))
    news(web, held)

    assert ConsoleCursor.objects.get().wanted_until >= wanted


def test_when_the_server_is_taken_back_the_rest_is_told_and_polling_ends(web, buyer, held):
    first, last = write(held, "old\n", "rest\n")
    release(scope=buyer, actor=buyer.actor, reservation=held.reservation)

    assert "rest" in news(web, held, first.public_id).content.decode()
    assert news(web, held, last.public_id).status_code == 286
    page = web.get(address_of(held))
    assert "nothing is added" in text(page)
    assert "hx-get" not in page.content.decode().split('class="console"')[1]


def test_a_place_in_anothers_log_is_none(web, held):
    with nothing_changes():
        assert news(web, held, "con_x").status_code == 404


def test_the_consoles_of_others_are_not_there(stranger, held):
    write(held, "secret\n")

    with nothing_changes():
        for address in (address_of(held), f"{address_of(held)}/news"):
            reply = stranger.get(address)
            assert reply.status_code == 404
            assert "secret" not in reply.content.decode()
