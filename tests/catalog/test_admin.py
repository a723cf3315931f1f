"""Staff and what is sold: images are offered or withdrawn, price books are made and ended, never edited."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.audit.models import AuditEvent
from portal.catalog.models import OSImage, Price, PriceBook, SlaTier, SupportTier
from portal.catalog.selectors import terms_of
from portal.core import clock
from portal.tenancy.staff import StaffRole
from tests import factories, staff, thawing

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


ACTS = ("edit", "publish", "copy", "end", "withdraw", "discard")


@pytest.mark.parametrize("role", StaffRole)
def test_prices_are_left_to_administrators(role, place):
    client, book = staff.browser(role), factories.price().book

    replies = [
        client.post(staff.acts_of(PriceBook, "new"), {"name": "x", "currency": "EUR", place: "1"}),
        *[client.post(staff.act_of(book, act), {"reason": "x"}) for act in ACTS],
    ]

    assert {reply.status_code for reply in replies} == {403}
    assert PriceBook.objects.get().valid.upper is None


def fields_of(page, act, row):
    """Return what the form of an act begins with."""
    form = page.get(staff.act_of(row, act)).context["form"]
    return {name: str(form[name].value() or "") for name in form.fields} | {
        name: picked(form[name].value()) for name in ("valid_from",) if form[name].value()
    }


def test_a_book_is_drafted_with_terms_and_fees_and_published(administrator, place):
    lines = "2.49 floor 1.99\r\n\r\n12 m: 2.10\r\n12m  reserved : 1.99 floor 1.6"
    given = {"fees": "500.00 once: Set-up\n40 per server: Own image", "terms": "24 h: 25 %", place: lines}

    reply = administrator.post(staff.acts_of(PriceBook, "new"), {"name": "Spring", "currency": "EUR", **given})
    book = PriceBook.objects.get()
    drafted = book.state
    administrator.post(staff.act_of(book, "publish"), {})
    page = administrator.get(staff.page_of(book)).content.decode()

    book.refresh_from_db()
    assert reply.url == staff.page_of(book)
    assert (str(book), book.currency, drafted, book.state) == ("Spring v1", "EUR", "draft", "published")
    assert list(book.prices.order_by("months", "commitment").values_list("months", "commitment", *RATES)) == [
        (0, "pay_as_you_go", Decimal("2.49"), Decimal("1.99")),
        (12, "pay_as_you_go", Decimal("2.10"), Decimal("2.10")),
        (12, "reserved", Decimal("1.99"), Decimal("1.6")),
    ]
    assert str(terms_of(book)) == "25 % with 24 h of notice, else 100 %"
    for said in ("12 m reserved: 1.99 floor 1.60", "Set-up", "EUR 40.00", "per server", "25 % with 24 h of notice"):
        assert said in page
    event = AuditEvent.objects.get(verb="price_book.created")
    assert (event.actor_id, event.target) == (administrator.person.public_id, book.public_id)


RATES = ("per_gpu_hour", "floor_per_gpu_hour")


def test_a_new_version_begins_with_all_that_the_old_one_has_and_ends_it(administrator, place):
    book = factories.price(rate="2.50", floor="2").book
    factories.price(rate="2", months=6)
    thawing.cancellation(book, (168, 0), (24, 25))

    reply = administrator.post(staff.act_of(book, "copy"), {})
    made = PriceBook.objects.get(state="draft")
    begin = fields_of(administrator, "edit", made)
    later = clock.now().replace(second=0, microsecond=0) + timedelta(days=3)
    changed = begin | {"valid_from": picked(later), place: "2.75\n6 m: 2.2"}
    administrator.post(staff.act_of(made, "edit"), changed)
    asked = administrator.get(staff.act_of(made, "publish")).content.decode()
    administrator.post(staff.act_of(made, "publish"), {})

    book.refresh_from_db()
    made.refresh_from_db()
    assert reply.url == staff.page_of(made)
    assert (begin[place], begin["terms"]) == ("2.50 floor 2.00\n6 m: 2.00", "7 d: 0 %\n24 h: 25 %")
    assert f"When it is published, {book} ends at its beginning." in asked
    assert (book.valid.upper, made.valid.lower, made.valid.upper) == (later, later, None)
    assert sorted(made.prices.values_list("per_gpu_hour", flat=True)) == [Decimal("2.2"), Decimal("2.75")]
    assert str(terms_of(made)) == str(terms_of(book))


def test_what_was_published_offers_no_edit_and_refuses_it(administrator, place):
    book = factories.price().book

    page = administrator.get(staff.page_of(book)).content.decode()
    reply = administrator.post(staff.act_of(book, "edit"), {"name": "x", place: "1"})

    assert "/act/edit/" not in page
    assert "/act/copy/" in page
    assert reply.status_code == 409
    assert "Copy it to a new version" in reply.content.decode()
    assert Price.objects.get().per_gpu_hour == Decimal("2.50")


def test_books_never_overlap_and_the_field_says_so(administrator, place):
    factories.price()
    administrator.post(staff.acts_of(PriceBook, "new"), {"name": "x", "currency": "USD", place: "1"})
    made = PriceBook.objects.get(state="draft")

    reply = administrator.post(staff.act_of(made, "publish"), {})

    assert reply.status_code == 422
    assert "end or withdraw it first" in str(reply.context["form"].errors["valid_from"])
    assert PriceBook.objects.filter(state="published").count() == 1


def test_a_gap_after_a_book_is_said(administrator):
    book = factories.price().book
    until = clock.now() + timedelta(days=1)
    administrator.post(staff.act_of(book, "end"), {"at": picked(until)})
    book.refresh_from_db()

    alone = administrator.get(staff.page_of(book)).content.decode()
    factories.price_book("Next", "USD", until + timedelta(days=1))
    followed = administrator.get(staff.page_of(book)).content.decode()

    assert "from its end on nothing is sold in USD" in alone
    assert "USD is not sold from" in followed


WRONG = [
    ({"name": ""}, "name"),
    ({"name": "x" * 81}, "name"),
    ({"name": "two\nlines"}, "name"),
    ({"currency": "XXX"}, "currency"),
    ({"valid_from": "2001-01-01T00:00"}, "valid_from"),
    ({"valid_from": "soon"}, "valid_from"),
    ({"valid_until": "2001-01-01T00:00"}, "valid_until"),
    *[({"place": text}, "place") for text in ("-1", "1e9", "NaN", "1.1234567", "12: 1", "1.5 m: 1", "1 floor", "1 2")],
    ({"place": ""}, "__all__"),
    *[({"place": text}, "__all__") for text in ("1 floor 2", "1\n2", "121 m: 1", "0 m reserved: 1")],
    ({"terms": "7 d: 25 %\n1 d: 0 %"}, "terms"),
    *[({"fees": text}, "fees") for text in ("5: x", "5 per month: x", "-5 once: x", "0.001 once: x", "5 once:")],
    *[
        ({"terms": text}, "terms")
        for text in ("free", "24 h", "24: 25 %", "24 h: 101 %", "24 h: 1.234 %", "99999 d: 0 %", "x" * 401)
    ],
]


@pytest.mark.parametrize(("wrong", "field"), WRONG)
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


def test_what_has_not_begun_is_withdrawn_and_a_draft_discarded(administrator):
    ahead = factories.price_book(start=clock.now() + timedelta(days=1))
    draft = factories.price_book(currency="EUR", state="draft")

    administrator.post(staff.act_of(ahead, "withdraw"), {"reason": "a wrong price"})
    administrator.post(staff.act_of(draft, "discard"), {"reason": "not needed"})

    assert [row.state for row in PriceBook.objects.order_by("pk")] == ["withdrawn", "discarded"]


LEVEL = {
    "slug": "standard",
    "name": "Standard",
    "target": "99.5",
    "steps": "99.5: 10\n99 : 25",
    "degraded_weight": "0",
    "handover_minutes": "45",
    "replacement_minutes": "210",
    "late_credit_percent": "100",
    "late_grace_minutes": "120",
    "late_step_minutes": "120",
    "maintenance_notice_hours": "336",
    "maintenance_minutes_per_quarter": "240",
    "may_defer_days": "0",
}
HELP = {
    "slug": "basic",
    "name": "Basic",
    "summary": "",
    "hours": "business",
    "urgent_minutes": "240",
    "normal_minutes": "1440",
    "percent_of_spend": "3",
}
TIERS = pytest.mark.parametrize(("kind", "fields"), [(SlaTier, LEVEL), (SupportTier, HELP)])


@TIERS
def test_a_tier_is_added_versioned_and_made_the_default(administrator, kind, fields):
    administrator.post(staff.acts_of(kind, "new"), fields)
    first = kind.objects.get()
    form = administrator.get(staff.act_of(first, "version")).context["form"]
    begin = {name: str(form[name].value()) for name in form.fields}
    administrator.post(staff.act_of(first, "version"), begin | {"name": "Renamed"})
    second = kind.objects.get(version=2)
    administrator.post(staff.act_of(second, "default"), {})
    refusal = administrator.post(staff.act_of(second, "withdraw"), {})
    page = administrator.get(staff.page_of(second)).content.decode()

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.name, first.is_offered, second.name, second.is_default) == (fields["name"], False, "Renamed", True)
    same = [field.name for field in kind._meta.fields if field.name in {*fields, "below", "credits"} - {"name"}]
    assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same]
    assert refusal.status_code == 409
    assert "Renamed v2" in page


@TIERS
@pytest.mark.parametrize("role", StaffRole)
def test_tiers_are_left_to_administrators(role, kind, fields):
    assert staff.browser(role).post(staff.acts_of(kind, "new"), fields).status_code == 403
    assert not kind.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"steps": ""}, "__all__"),
        ({"steps": "99.5"}, "steps"),
        ({"steps": "99.5: 101"}, "steps"),
        ({"steps": "99: 25\n99.5: 10"}, "steps"),
        ({"steps": "99.9: 10"}, "steps"),
        ({"target": "101"}, "target"),
        ({"target": "NaN"}, "target"),
        ({"handover_minutes": "-1"}, "handover_minutes"),
        ({"slug": "two words"}, "slug"),
    ],
)
def test_a_wrong_service_level_is_named_on_its_field(administrator, wrong, field):
    reply = administrator.post(staff.acts_of(SlaTier, "new"), LEVEL | wrong)

    assert (reply.status_code, list(reply.context["form"].errors)) == (422, [field])
    assert not SlaTier.objects.exists()
