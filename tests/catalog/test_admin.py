"""Staff and what is sold: images are offered or withdrawn, price books are made and ended, never edited."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.audit.models import AuditEvent
from portal.catalog.models import CancellationTerm, OSImage, Price, PriceBook
from portal.catalog.selectors import terms_of
from portal.core import clock
from portal.tenancy.staff import StaffRole
from tests import factories, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator():
    return staff.browser()


@pytest.fixture
def place():
    """Return the name of the field for the price of the one server type that stands in the one region."""
    server = factories.server()
    return f"price_{server.server_type_id}_{server.region_id}"


def picked(moment):
    return f"{moment:%Y-%m-%dT%H:%M}"


def test_an_image_is_withdrawn_and_offered_again():
    operations, image = staff.browser(StaffRole.OPERATIONS), factories.image()

    operations.post(staff.act_of(image, "withdraw"))
    assert OSImage.objects.get().is_published is False
    operations.post(staff.acts_of(OSImage, "publish"), staff.chosen(image))

    assert OSImage.objects.get().is_published is True
    verbs = AuditEvent.objects.filter(actor_id=operations.person.public_id).values_list("verb", flat=True)
    assert sorted(verbs) == ["image.published", "image.withdrawn"]


@pytest.mark.parametrize("role", StaffRole)
def test_prices_are_left_to_administrators(role, place):
    client, book = staff.browser(role), factories.price().book

    replies = [
        client.post(staff.acts_of(PriceBook, "new"), {"name": "x", "currency": "EUR", place: "1"}),
        client.post(staff.act_of(book, "end"), {}),
        client.post(staff.act_of(book, "terms"), {"terms": "24 h: 25 %"}),
    ]

    assert [reply.status_code for reply in replies] == [403, 403, 403]
    assert not CancellationTerm.objects.exists()
    assert PriceBook.objects.get().valid.upper is None


def test_a_book_holds_from_now_on_with_its_prices(administrator, place):
    reply = administrator.post(staff.acts_of(PriceBook, "new"), {"name": "Spring", "currency": "EUR", place: "2.285"})

    book = PriceBook.objects.get()
    event = AuditEvent.objects.get(verb="price_book.created")
    assert reply.url == staff.page_of(book)
    assert (book.name, book.currency, book.valid.upper) == ("Spring", "EUR", None)
    assert book.valid.lower <= clock.now()
    assert list(book.prices.values_list("per_gpu_hour", flat=True)) == [Decimal("2.285")]
    assert (event.actor_id, event.target) == (administrator.person.public_id, f"catalog.pricebook:{book.pk}")
    assert event.data["prices"] == {"h100x8 eu-north-1": "2.285"}


def test_books_never_overlap_and_the_field_says_so(administrator, place):
    factories.price()

    reply = administrator.post(staff.acts_of(PriceBook, "new"), {"name": "x", "currency": "USD", place: "1"})

    assert reply.status_code == 422
    assert "end it first" in str(reply.context["form"].errors["valid_from"])
    assert (PriceBook.objects.count(), Price.objects.count()) == (1, 1)
    assert not AuditEvent.objects.filter(verb="price_book.created").exists()


def test_a_book_is_ended_and_followed_by_another_with_its_prices(administrator, place):
    book = factories.price(rate="2.50").book
    administrator.post(staff.act_of(book, "terms"), {"terms": "7 d: 0 %\r\n24 h: 25 %"})
    end = clock.now().replace(second=0, microsecond=0) + timedelta(days=3)

    administrator.post(staff.act_of(book, "end"), {"at": picked(end)})
    form = administrator.get(staff.act_of(book, "successor")).context["form"]
    begin = {name: str(form[name].value() or "") for name in form.fields}
    reply = administrator.post(
        staff.act_of(book, "successor"), begin | {"name": "Next", "valid_from": picked(end), place: "2.75"}
    )

    book.refresh_from_db()
    made = PriceBook.objects.get(name="Next")
    assert reply.url == staff.page_of(made)
    assert (begin["currency"], begin[place], begin["terms"]) == ("USD", "2.5", "7 d: 0 %\n24 h: 25 %")
    assert str(terms_of(made)) == str(terms_of(book)) == "0 % with 7 d of notice, 25 % with 24 h, else 100 %"
    assert (book.valid.upper, made.valid.lower, made.valid.upper) == (end, end, None)
    assert book.prices.get().per_gpu_hour == Decimal("2.5")
    assert made.prices.get().per_gpu_hour == Decimal("2.75")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"currency": "XXX"}, "currency"),
        ({"valid_from": "2001-01-01T00:00"}, "valid_from"),
        ({"valid_from": "soon"}, "valid_from"),
        ({"valid_until": "2001-01-01T00:00"}, "valid_until"),
        ({"place": "-1"}, "place"),
        ({"place": "1e9"}, "place"),
        ({"place": "NaN"}, "place"),
        ({"place": "1.1234567"}, "place"),
        ({"place": ""}, "__all__"),
        ({"terms": "7 d: 25 %\n1 d: 0 %"}, "terms"),
    ],
)
def test_wrong_fields_of_a_book_are_named_and_nothing_is_made(administrator, place, wrong, field):
    fields = {"name": "x", "currency": "EUR", "place": "1"} | wrong
    fields[place] = fields.pop("place")

    reply = administrator.post(staff.acts_of(PriceBook, "new"), fields)

    assert reply.status_code == 422
    assert list(reply.context["form"].errors) == [place if field == "place" else field]
    assert (PriceBook.objects.count(), Price.objects.count()) == (0, 0)


@pytest.mark.parametrize("at", ["2001-01-01T00:00", "nonsense"])
def test_a_book_is_not_ended_in_the_past(administrator, at):
    book = factories.price().book

    reply = administrator.post(staff.act_of(book, "end"), {"at": at})

    book.refresh_from_db()
    assert reply.status_code == 422
    assert list(reply.context["form"].errors) == ["at"]
    assert book.valid.upper is None


def test_a_book_that_is_over_cannot_be_ended_again(administrator):
    book = factories.price().book
    administrator.post(staff.act_of(book, "end"), {})
    book.refresh_from_db()
    first = book.valid

    reply = administrator.post(staff.act_of(book, "end"), {"at": picked(clock.now() + timedelta(days=1))})

    book.refresh_from_db()
    assert (reply.status_code, book.valid) == (422, first)
    assert book.valid.upper <= clock.now()


def test_terms_are_written_one_step_a_line_and_shown_on_the_page(administrator):
    book = factories.price().book

    reply = administrator.post(staff.act_of(book, "terms"), {"terms": " 24h:12.5 \r\n\r\n 7  d : 0% \r\n"})
    page = administrator.get(staff.page_of(book)).content.decode()
    form = administrator.get(staff.act_of(book, "terms")).context["form"]

    assert reply.url == staff.page_of(book)
    assert "0 % with 7 d of notice, 12.5 % with 24 h, else 100 %" in page
    assert form["terms"].value() == "7 d: 0 %\n24 h: 12.5 %"
    event = AuditEvent.objects.get(verb="price_book.terms_set")
    assert (event.actor_id, event.target) == (administrator.person.public_id, f"catalog.pricebook:{book.pk}")


def test_terms_left_empty_make_calling_off_free(administrator):
    book = factories.price().book
    administrator.post(staff.act_of(book, "terms"), {"terms": "24 h: 25 %"})

    administrator.post(staff.act_of(book, "terms"), {"terms": ""})

    assert not CancellationTerm.objects.exists()
    assert "Free at any time" in administrator.get(staff.page_of(book)).content.decode()


@pytest.mark.parametrize(
    "text",
    [
        "free",
        "24 h",
        "24: 25 %",
        "24 h: 101 %",
        "24 h: -1 %",
        "24 h: 1.234 %",
        "99999 d: 0 %",
        "1.5 h: 5 %",
        "1 d: 25 %\n24 h: 30 %",
        "7 d: 25 %\n1 d: 0 %",
        "x" * 401,
    ],
)
def test_wrong_terms_are_named_and_nothing_changes(administrator, text):
    book = factories.price().book

    reply = administrator.post(staff.act_of(book, "terms"), {"terms": text})

    assert reply.status_code == 422
    assert list(reply.context["form"].errors) == ["terms"]
    assert not CancellationTerm.objects.exists()
    assert not AuditEvent.objects.filter(verb="price_book.terms_set").exists()


def test_the_terms_of_a_book_that_is_over_are_not_offered(administrator):
    book = factories.price().book
    administrator.post(staff.act_of(book, "end"), {})

    reply = administrator.post(staff.act_of(book, "terms"), {"terms": "24 h: 25 %"})

    assert reply.status_code == 409
    assert "Set cancellation terms" not in administrator.get(staff.page_of(book)).content.decode()
    assert not CancellationTerm.objects.exists()
