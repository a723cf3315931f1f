"""Staff and quotes, the waiting list, the log of enquiries."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.reservations.models import Allocation, Enquiry, Quote, WaitlistEntry
from portal.reservations.selectors import places_in_queue
from portal.reservations.services.waitlist import offer_waiting
from portal.tenancy.staff import StaffRole
from tests import factories, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def sales():
    return staff.browser(StaffRole.SALES)


def rows_of(client, model, **parameters):
    return list(client.get(staff.list_of(model), parameters).context["cl"].result_list)


def test_a_hold_is_withdrawn_for_the_customer_and_its_servers_are_free(sales):
    held = factories.hold()

    reply = sales.post(staff.act_of(held, "withdraw"), staff.REASON | staff.chosen(held))

    held.refresh_from_db()
    assert (reply.url, held.state, held.state_reason) == (staff.page_of(held), "withdrawn", staff.REASON["reason"])
    assert (held.reservation.state, held.reservation.state_reason) == ("cancelled", staff.REASON["reason"])
    assert list(Allocation.objects.values_list("state", flat=True)) == ["released"]
    assert AuditEvent.objects.filter(target=held.public_id, actor_id=sales.person.public_id).count() == 1


def test_a_quote_that_is_over_is_not_withdrawn(sales):
    quote = factories.quote()
    sales.post(staff.act_of(quote, "withdraw"), staff.REASON)
    before = AuditEvent.objects.count()

    reply = sales.post(staff.act_of(quote, "withdraw"), staff.REASON)

    assert (reply.status_code, AuditEvent.objects.count()) == (409, before)
    assert b"Withdraw" not in sales.get(staff.page_of(quote)).content


@pytest.mark.parametrize("make", [factories.quote, factories.waitlist_entry])
def test_operations_may_look_but_not_withdraw(make):
    row, operations = make(), staff.browser(StaffRole.OPERATIONS)

    reply = operations.post(staff.act_of(row, "withdraw"), staff.REASON)

    before = row.state
    row.refresh_from_db()
    assert (reply.status_code, row.state) == (403, before)
    assert operations.get(staff.page_of(row)).status_code == 200


def test_quotes_are_filtered_by_what_they_hold(sales):
    buyer = factories.buyer()
    plain, held = factories.quote(buyer), factories.hold(buyer)
    factories.server()
    over = factories.hold(buyer)
    Quote.objects.filter(pk=over.pk).update(state="expired")

    assert rows_of(sales, Quote, hold="now") == [held]
    assert rows_of(sales, Quote, hold="never") == [plain]
    assert rows_of(sales, Quote, hold="offer") == []
    assert rows_of(sales, Quote, state="open") == [held, plain]


def test_the_page_of_a_quote_shows_price_terms_and_hold(sales):
    held = factories.hold()

    page = sales.get(staff.page_of(held)).content.decode()

    assert "USD 480.00" in page
    assert "8 x H100 in eu-north-1" in page
    assert "Free at any time" in page
    assert held.reservation.name in page


def test_the_waiting_list_is_shown_in_the_order_of_its_queues(sales):
    now = clock.now()
    last = factories.waitlist_entry(queued_at=now)
    next_one = factories.waitlist_entry(queued_at=now - timedelta(hours=2))
    tied = factories.waitlist_entry(queued_at=now)
    factories.waitlist_entry(queued_at=now - timedelta(hours=3), state="withdrawn")
    other_type = factories.server_type("b200x8")
    other = factories.waitlist_entry(queued_at=now, server_type=other_type)

    rows = rows_of(sales, WaitlistEntry)

    assert [row.pk for row in rows[:4]] == [next_one.pk, last.pk, tied.pk, other.pk]
    assert [row.place for row in rows] == [1, 2, 3, 1, None]
    assert places_in_queue(rows) == {row.pk: row.place for row in rows[:4]}
    assert rows_of(sales, WaitlistEntry, organization__id__exact=tied.organization_id)[0].place == 3


def test_an_entry_is_withdrawn_with_its_offer_and_the_record_says_why(sales):
    buyer = factories.buyer()
    factories.server()
    entry = factories.waitlist_entry(buyer)
    assert offer_waiting() == 1
    entry.refresh_from_db()

    reply = sales.post(staff.act_of(entry, "withdraw"), staff.REASON | staff.chosen(entry))

    entry.refresh_from_db()
    offer = entry.offers.get()
    assert (reply.url, entry.state, offer.state) == (staff.page_of(entry), "withdrawn", "withdrawn")
    assert list(Allocation.objects.values_list("state", flat=True)) == ["released"]
    said = AuditEvent.objects.get(verb="waitlist_entry.left_for_customer")
    assert (said.target, said.data, said.actor_id) == (entry.public_id, staff.REASON, sales.person.public_id)


def test_an_entry_that_is_over_is_not_withdrawn(sales):
    entry = factories.waitlist_entry(state="lapsed")

    reply = sales.post(staff.act_of(entry, "withdraw"), staff.REASON)

    assert (reply.status_code, AuditEvent.objects.filter(target=entry.public_id).exists()) == (409, False)


def test_the_page_of_an_entry_shows_its_offers_and_its_ceiling(sales):
    entry = factories.waitlist_entry(ceiling=Decimal("1234.50"))

    page = sales.get(staff.page_of(entry)).content.decode()

    assert "USD 1,234.50" in page
    assert ">Offers <" in page


@pytest.mark.parametrize(
    ("parameters", "counts"),
    [
        ({}, {1, 2, 3, 4, 5}),
        ({"unmet": "week"}, {1, 2}),
        ({"unmet": "ever"}, {1, 2, 5}),
        ({"kind__exact": "reserve"}, {2}),
        ({"outcome__exact": "made"}, {3}),
        ({"server_type": "b200x8"}, {4}),
        ({"region": "eu-north-1", "server_type": "h100x8"}, {1, 2, 3, 5}),
        ({"channel": "api"}, {3}),
        ({"q": "quota_exceeded"}, {2}),
    ],
)
def test_enquiries_are_filtered(sales, parameters, counts):
    factories.server_type("b200x8")
    factories.enquiry(count=1)
    factories.enquiry(count=2, kind="reserve", outcome="refused", reason="quota_exceeded")
    factories.enquiry(count=3, outcome="made", channel="api")
    factories.enquiry(count=4, server_type="b200x8", outcome="fits")
    factories.enquiry(count=5, at=clock.now() - timedelta(days=8))

    assert {row.count for row in rows_of(sales, Enquiry, **parameters)} == counts


def test_the_first_page_tells_what_was_not_met_by_type_and_region(sales):
    many, few = factories.organization(), factories.organization()
    for of, count, free in ((many, 16, 3), (many, 32, 5), (few, 8, None)):
        factories.enquiry(of, count=count, free=free)
    factories.enquiry(few, server_type="b200x8", count=4, outcome="refused", free=0)
    factories.enquiry(few, count=64, outcome="fits")
    factories.enquiry(few, count=64, at=clock.now() - timedelta(days=8))

    panels = sales.get("/admin/").context["panels"]

    (panel,) = [found for found in panels if found.title == "Unmet demand of the last 7 days"]
    cells = [[cell for at, cell in enumerate(row) if at != 2] for row in panel.rows]
    assert cells == [["h100x8", "eu-north-1", 2, 32, 5], ["b200x8", "eu-north-1", 1, 4, 0]]
    assert '?unmet=week&amp;server_type=h100x8&amp;region=eu-north-1">3</a>' in panel.rows[0][2]
