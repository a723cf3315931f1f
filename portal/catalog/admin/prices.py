"""Price books: what was published is never edited, so that every price that ever held can be read."""

from django.contrib import admin
from django.db import models
from django.utils.html import format_html_join

from portal.audit.models import AuditEvent
from portal.audit.services import target_of
from portal.audit.staff import columns, filters
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.catalog.admin.price_lines import price_text
from portal.catalog.models import Commitment, Fee, Price, PriceBook
from portal.catalog.selectors import next_book, terms_of
from portal.catalog.services.book_checks import PriceLine
from portal.catalog.states import BookState
from portal.core import clock
from portal.fleet.models import ServerType

VALID = columns.period("valid", "Valid")
TERMS = columns.column("Cancellation", terms_of)


def _after(book: PriceBook) -> object:
    """Return what holds after a book's end: a gap in which nothing is sold must not go unseen."""
    if book.state != BookState.PUBLISHED or book.valid.upper is None:
        return ""
    following = next_book(book)
    if following is None:
        return f"Nothing: from its end on nothing is sold in {book.currency}."
    if following.valid.lower > book.valid.upper:
        gap = f"{book.currency} is not sold from {book.valid.upper:%Y-%m-%d %H:%M} UTC to its beginning"
        return columns.linked(following, f"{following}; {gap}")
    return columns.linked(following)


@admin.register(PriceBook)
class PriceBookAdmin(RecordAdmin):
    """List prices of one currency for a span of time."""

    list_display = (
        columns.column("Name", str, "name"),
        columns.field("currency", "Currency"),
        columns.state,
        VALID,
        columns.field("price_count", "Prices"),
    )
    list_filter = (filters.StateFilter, filters.period("valid", "validity"), "currency")
    search_fields = ("name", "currency", "public_id")
    ordering = ("currency", "-version")
    counts = {"price_count": "prices"}
    facts = (
        (
            "",
            (
                columns.column("Name", str),
                columns.code("public_id", "Id"),
                columns.field("currency", "Currency"),
                VALID,
                columns.link("copied_from", "Copied from"),
                columns.column("Followed by", _after),
                TERMS,
            ),
        ),
        ("State", columns.life[:3]),
    )

    def trail_of(self, row: PriceBook) -> models.QuerySet[AuditEvent]:
        """Return what the record tells of a book, also from when books had no public id."""
        return AuditEvent.objects.filter(target__in=[target_of(row), f"{row._meta.label_lower}:{row.pk}"])


def _line(price: Price) -> str:
    line = PriceLine(
        price.server_type,
        price.region,
        price.per_gpu_hour,
        price.floor_per_gpu_hour,
        price.months,
        Commitment(price.commitment),
    )
    return price_text(line)


def _of_place(price: Price) -> object:
    """Return all prices of the book for the server type and the region of one of them, one a line."""
    same = [
        other
        for other in price.book.prices.all()
        if (other.server_type_id, other.region_id) == (price.server_type_id, price.region_id)
    ]
    same.sort(key=lambda other: (other.months, other.commitment))
    return format_html_join("", "<div>{}</div>", [(_line(other),) for other in same])


def _one_of_each_place(book: PriceBook) -> models.QuerySet[Price]:
    prices = book.prices.select_related("book", "server_type", "region")
    place = ("server_type__slug", "region__code")
    return (
        prices.prefetch_related("book__prices__server_type", "book__prices__region")
        .order_by(*place, "months")
        .distinct(*place)
    )


show_on(
    PriceBook,
    Panel(
        "Prices",
        Price,
        _one_of_each_place,
        (
            columns.link("server_type", "Server type"),
            columns.link("region", "Region"),
            columns.column("Per GPU and hour, by term", _of_place),
        ),
    ),
    Panel(
        "One-off fees",
        Fee,
        lambda book: book.fees.select_related("book").order_by("pk"),
        (
            columns.field("name", "Fee"),
            columns.column("Amount", lambda fee: f"{fee.book.currency} {fee.amount:,}"),
            columns.column("Owed", lambda fee: fee.get_per_display()),
        ),
    ),
)
show_on(
    ServerType,
    Panel(
        "Prices that hold or will",
        Price,
        lambda kind: (
            kind.prices.select_related("book", "server_type", "region")
            .filter(models.Q(book__valid__endswith=None) | models.Q(book__valid__endswith__gt=clock.now()))
            .filter(book__state=BookState.PUBLISHED)
            .order_by("region__code", "book__currency", "book__valid", "months", "commitment")
        ),
        (
            columns.link("region", "Region"),
            columns.column("Per GPU and hour", lambda price: f"{price.book.currency} {_line(price)}"),
            columns.link("book", "Price book"),
            columns.period("book__valid", "Valid"),
        ),
    ),
)
