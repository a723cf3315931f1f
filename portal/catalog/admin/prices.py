"""Price books: made whole and ended, their prices never edited, so that every price that ever held can be read."""

from django.contrib import admin
from django.db import models

from portal.audit.staff import columns, filters
from portal.audit.staff.acts import Act, On, Values, act_on
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.catalog.admin.price_forms import EndBookForm, PriceBookForm, successor_of
from portal.catalog.admin.term_forms import TermsForm, terms_form_of
from portal.catalog.models import Price, PriceBook
from portal.catalog.selectors import terms_of
from portal.catalog.services.books import create_price_book, end_price_book, set_terms
from portal.core import clock
from portal.core.actors import Actor
from portal.fleet.models import ServerType

VALID = columns.period("valid", "Valid")
TERMS = columns.column("Cancellation", terms_of)


@admin.register(PriceBook)
class PriceBookAdmin(RecordAdmin):
    """List prices of one currency for a span of time."""

    list_display = (
        columns.field("name", "Name"),
        columns.field("currency", "Currency"),
        VALID,
        columns.field("price_count", "Prices"),
    )
    list_filter = (filters.period("valid", "validity"), "currency")
    search_fields = ("name", "currency")
    ordering = ("currency", "-valid")
    counts = {"price_count": "prices"}
    facts = (("", (columns.field("name", "Name"), columns.field("currency", "Currency"), VALID, TERMS)),)


PRICE = columns.column("Per GPU and hour", lambda row: f"{row.book.currency} {row.per_gpu_hour.normalize():f}")
show_on(
    PriceBook,
    Panel(
        "Prices",
        Price,
        lambda book: book.prices.select_related("book", "server_type", "region").order_by(
            "server_type__slug", "region"
        ),
        (columns.link("server_type", "Server type"), columns.link("region", "Region"), PRICE),
    ),
)
show_on(
    ServerType,
    Panel(
        "Prices that hold or will",
        Price,
        lambda kind: (
            kind.prices.select_related("book", "region")
            .filter(models.Q(book__valid__endswith=None) | models.Q(book__valid__endswith__gt=clock.now()))
            .order_by("region__code", "book__currency", "book__valid")
        ),
        (
            columns.link("region", "Region"),
            PRICE,
            columns.link("book", "Price book"),
            columns.period("book__valid", "Valid"),
        ),
    ),
)


def _create(actor: Actor, _row: PriceBook | None, values: Values) -> PriceBook:
    fields = ("name", "currency", "valid_from", "valid_until", "prices", "terms")
    return create_price_book(actor=actor, **{name: values[name] for name in fields})


def _is_not_over(book: PriceBook) -> bool:
    return book.valid.upper is None or book.valid.upper > clock.now()


EFFECTS = (
    "New reservations in the currency get these prices from then on. What is reserved keeps its price.",
    "A server type without a price in a region is not sold there.",
    "Books of one currency never overlap: end the present one first. Prices of a book cannot be edited.",
)
act_on(
    PriceBook,
    Act(
        name="new",
        title="New price book",
        permission="catalog.add_pricebook",
        on=On.LIST,
        perform=_create,
        form=PriceBookForm,
        effects=EFFECTS,
        done="{row} is made.",
        icon="add",
    ),
    Act(
        name="successor",
        title="Make successor",
        permission="catalog.add_pricebook",
        perform=_create,
        form=PriceBookForm,
        initial=successor_of,
        effects=EFFECTS,
        done="{row} has a successor.",
        icon="content_copy",
    ),
    Act(
        name="terms",
        title="Set cancellation terms",
        permission="catalog.change_pricebook",
        perform=lambda actor, row, values: set_terms(actor=actor, book=row, terms=values["terms"]),
        form=TermsForm,
        initial=terms_form_of,
        fits=_is_not_over,
        effects=(
            "What is reserved from now on by this book gets these terms. What is reserved already keeps its own.",
            "Less notice must not cost less.",
        ),
        done="{row} has these cancellation terms.",
        icon="event_repeat",
    ),
    Act(
        name="end",
        title="End",
        permission="catalog.change_pricebook",
        perform=lambda actor, row, values: end_price_book(actor=actor, book=row, at=values["at"]),
        form=EndBookForm,
        fits=_is_not_over,
        effects=(
            "From then on nothing is sold in this currency until another book holds.",
            "What is reserved keeps its price.",
        ),
        done="{row} has an end.",
        icon="event_busy",
        is_grave=True,
    ),
)
