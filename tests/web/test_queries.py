"""What a page asks the database does not grow with the number of servers, reservations or keys."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.core import clock
from portal.reservations.models import ConsoleChunk
from tests import factories
from tests.web.conftest import browser_of
from tests.webhooks import receiving

SIZES = (1, 10, 64)
PAGES = {
    "/": 15,
    "/availability": 40,
    "/reserve?type=h100x8&region=eu-north-1&count=1": 18,
    "/reservations": 11,
    "/reservations?show=all": 11,
    "/servers": 10,
    "/ssh-keys": 8,
    "/webhooks": 8,
    "/webhooks/{webhook}": 10,
    "/quotas": 13,
    "/usage": 18,
    "/invoices": 11,
    "/find?q=h": 10,
    "/reservations/{id}": 15,
    "/reservations/{id}/live": 14,
    "/reservations/{id}/release": 9,
    "/reservations/{id}/change/extend?ends_at=2100-01-01": 9,
    "/reservations/{id}/change/add-servers?count=1": 20,
    "/reservations/{id}/servers/{server}/console": 17,
    "/reservations/{id}/servers/{server}/console/news": 11,
    "/quotes": 9,
    "/waiting-list": 11,
    "/waiting-list/join": 11,
    "/prices": 9,
}
"""At most this many queries each."""


@pytest.fixture
def stage(db):
    """Return a function that makes a tenant with that many servers handed over, reservations and keys."""

    def make(count):
        buyer = factories.buyer(limit=1000)
        buyer.organization.quotas.update(limit=1000)
        factories.servers(count * 2 + 2)
        image = factories.image()
        soon = clock.now() + factories.SOON
        held = factories.reservation(buyer, name="held", count=count, starts_at=soon, image=image)
        factories.hand_over(held)
        for number in range(count):
            factories.reservation(buyer, name=f"h-{number}", image=image)
            factories.ssh_key(buyer.project)
            factories.waitlist_entry(buyer)
        item = held.allocations.order_by("position").first()
        for text in ["line\n"] * count:
            ConsoleChunk.objects.create(allocation=item, text=text, size=len(text))
        hook = receiving.told(buyer, count=count).endpoint
        return browser_of(buyer), {
            "id": held.public_id,
            "server": item.server.public_id,
            "webhook": hook.public_id,
        }

    return make


def queries_of(window, address):
    with CaptureQueriesContext(connection) as queries:
        reply = window.get(address)
    assert reply.status_code == 200, address
    return len(queries)


def test_pages_ask_as_often_for_many_servers_as_for_one(stage):
    asked = {page: [] for page in PAGES}
    for count in SIZES:
        window, ids = stage(count)
        for page in PAGES:
            asked[page].append(queries_of(window, page.format(**ids)))

    assert {page: counts for page, counts in asked.items() if len(set(counts)) > 1} == {}
    assert {page: counts[0] for page, counts in asked.items() if counts[0] > PAGES[page]} == {}


def test_a_search_that_does_not_fit_halves_its_way_to_what_would(stage):
    nothing_fits = "/availability?type=h100x8&region=eu-north-1&count=400"
    asked = [queries_of(stage(count)[0], nothing_fits) for count in SIZES]

    # Two questions for each time that the number of bookings doubles.
    assert asked[-1] - asked[0] <= 2 * SIZES[-1].bit_length()


def test_the_calendar_asks_as_often_for_many_pools_as_for_one(db):
    buyer = factories.buyer()
    window = browser_of(buyer)
    asked = []
    for pools in (1, 4, 12):
        for number in range(pools):
            kind = factories.server_type(f"t{number}", name=f"8 x T{number}")
            home = factories.region(f"r-{number % 3}")
            factories.price(of_type=kind, in_region=home)
            factories.servers(2, of_type=kind, in_fabric=factories.fabric(f"F{number}", home), with_bmc=False)
        asked.append(queries_of(window, "/availability?view=quarter&pick=t0@r-0@F0"))

    assert len(set(asked)) == 1
